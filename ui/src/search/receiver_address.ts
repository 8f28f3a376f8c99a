/** Where this browser reaches a receiver: a wildcard or loopback address is the host of this page. */
export function reachable(address: string, pageHost: string): string {
  const [, host = "", port = ""] = /^(.*):(\d+)$/.exec(address) ?? [];
  const local = /^(0\.0\.0\.0|127\.\d+\.\d+\.\d+|localhost|\[::1?\])?$/.test(host);
  return port ? `${local ? pageHost : host}:${port}` : address;
}
