/** Stack traces of any language, line by line: what is message, what is a frame, where it points. */

export type StackLine = { kind: "head" | "frame" | "rest"; text: string; place?: { before: string; location: string; after: string } };

const frame = /^\s*(at |\d+: |File "|#\d+ |from |in |goroutine |\S+\.go:\d+)/;
const head = /^(Caused by|Traceback|Suppressed|The above exception|During handling)/;
/** `Foo.java:118`, `src/client.rs:88:13`, `"app.py", line 12` */
const location = /("[^"\s]+", line \d+|[\w./\\-]+\.[A-Za-z]{1,5}:\d+(?::\d+)?)/;
const library = /(node_modules|\/registry\/|\/rustc\/|java\.base\/|jdk\.internal|org\.springframework|jakarta\.|site-packages|internal\/|tokio::|std::|core::)/;

export function readStack(text: string): StackLine[] {
  return text
    .replace(/\s+$/, "")
    .split(/\r?\n/)
    .map((line, at) => {
      if (at === 0 || head.test(line)) return { kind: "head", text: line };
      const kind = library.test(line) || /^\s*\.\.\. /.test(line) ? "rest" : frame.test(line) || location.test(line) ? "frame" : "rest";
      const found = location.exec(line);
      if (!found) return { kind, text: line };
      const start = found.index;
      const end = start + found[0].length;
      return { kind, text: line, place: { before: line.slice(0, start), location: found[0], after: line.slice(end) } };
    });
}
