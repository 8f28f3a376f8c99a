import { operations, services, type Window } from "../api/client";
import { Combo } from "../parts/Combo";
import { Icon } from "../parts/Icon";
import { parseDuration } from "../time/format";
import { attributeOperators, type AttributeRow, emptyForm, type Form, queryOf } from "../traceql/form";
import { unquote } from "../traceql/lexer";
import { fieldNames, fieldValues } from "./completions";

type Props = {
  /** Undefined: the query says more than the form can show. */
  form: Form | undefined;
  /** The query is being typed and does not fit the form at the moment. */
  behind: boolean;
  window: () => Window;
  onChange: (form: Form) => void;
  onRun: (form?: Form) => void;
};

const statuses: [Form["status"], string][] = [
  ["", "Any"],
  ["error", "Error"],
  ["ok", "Ok"],
  ["unset", "Unset"],
];

export function SearchForm({ form, behind, window: windowNow, onChange, onRun }: Props) {
  if (!form) {
    return (
      <div className="form-beyond">
        <p>The form shows conditions joined by &amp;&amp;. This query is not of that kind, or not finished.</p>
        <button type="button" className="button small" onClick={() => onRun(emptyForm)}>
          Start over with the form
        </button>
      </div>
    );
  }
  const set = (change: Partial<Form>) => onChange({ ...form, ...change });
  const wrong = (text: string) => text.trim() !== "" && parseDuration(text) === undefined;
  return (
    <form
      className="search-form"
      inert={behind}
      aria-label="Search form"
      onSubmit={(event) => {
        event.preventDefault();
        onRun();
      }}
    >
      <Combo
        label="Service"
        value={form.service}
        placeholder="any"
        suggest={async (_, signal) => (await services(windowNow(), signal)).map((service) => service.name)}
        onChange={(service) => set({ service })}
        onEnter={onRun}
      />
      <Combo
        label="Operation"
        value={form.operation}
        placeholder="any"
        suggest={(_, signal) => operations(form.service, windowNow(), signal)}
        onChange={(operation) => set({ operation })}
        onEnter={onRun}
      />
      <fieldset className="segmented" aria-label="Status">
        <legend className="field-label">Status</legend>
        <div>
          {statuses.map(([status, label]) => (
            <button key={label} type="button" aria-pressed={form.status === status} onClick={() => onRun({ ...form, status })}>
              {label}
            </button>
          ))}
        </div>
      </fieldset>
      <div className="pair">
        <Combo label="Min duration" value={form.minDuration} placeholder="100ms" invalid={wrong(form.minDuration)} onChange={(minDuration) => set({ minDuration })} onEnter={onRun} />
        <Combo label="Max duration" value={form.maxDuration} placeholder="2s" invalid={wrong(form.maxDuration)} onChange={(maxDuration) => set({ maxDuration })} onEnter={onRun} />
      </div>
      <Attributes form={form} window={windowNow} set={set} onRun={onRun} />
      <div className="form-end">
        <button type="submit" className="button primary">
          Search
        </button>
        <button type="button" className="button" onClick={() => onRun(emptyForm)}>
          Clear
        </button>
      </div>
    </form>
  );
}

type AttributesProps = { form: Form; window: () => Window; set: (change: Partial<Form>) => void; onRun: () => void };

function Attributes({ form, window: windowNow, set, onRun }: AttributesProps) {
  const change = (index: number, row: Partial<AttributeRow>) =>
    set({ attributes: form.attributes.map((old, at) => (at === index ? { ...old, ...row } : old)) });
  const others = (index: number) => queryOf({ ...form, attributes: form.attributes.filter((_, at) => at !== index) });
  return (
    <div className="form-attributes">
      <div className="field-label row">
        <span>Attributes</span>
        <button
          type="button"
          className="icon-button"
          aria-label="Add an attribute"
          title="Add an attribute"
          onClick={() => set({ attributes: [...form.attributes, { field: "", operator: "=", value: "" }] })}
        >
          <Icon name="plus" />
        </button>
      </div>
      {form.attributes.map((row, index) => (
        // Rows have no identity beyond their place.
        // oxlint-disable-next-line react/no-array-index-key
        <div key={index} className="attribute-row">
          <Combo label={`Attribute ${index + 1}`} hideLabel mono value={row.field} placeholder="span.http.route" suggest={() => fieldNames(others(index), windowNow())} onChange={(field) => change(index, { field })} onEnter={onRun} />
          <select className="input mono" aria-label={`Operator ${index + 1}`} value={row.operator} onChange={(event) => change(index, { operator: event.target.value })}>
            {attributeOperators.map((operator) => (
              <option key={operator}>{operator}</option>
            ))}
          </select>
          <Combo
            label={`Value ${index + 1}`}
            hideLabel
            mono
            value={row.value}
            placeholder="value"
            suggest={async () => (row.field ? (await fieldValues(row.field, others(index), windowNow())).map(bare) : [])}
            onChange={(value) => change(index, { value })}
            onEnter={onRun}
          />
          <button type="button" className="icon-button" aria-label={`Remove attribute ${index + 1}`} onClick={() => set({ attributes: form.attributes.filter((_, at) => at !== index) })}>
            <Icon name="close" size={12} />
          </button>
        </div>
      ))}
      {form.attributes.length === 0 && <p className="hint">None. Add one, or click a value in a trace.</p>}
    </div>
  );
}

/** A string value is shown without its quotes, unless bare it would be a number. */
function bare(literal: string): string {
  if (!literal.startsWith('"')) return literal;
  const text = unquote(literal);
  return /^(-?\d+(\.\d+)?((ns|us|µs|ms|s|m|h))?|true|false|nil)$/.test(text) ? literal : text;
}
