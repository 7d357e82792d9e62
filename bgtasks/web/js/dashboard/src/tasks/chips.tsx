/** The parts of the filter that are set, each of which can be taken away; and a menu to set one. */
import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { isNarrow, NO_FILTER, SORTS, TIMES, type Between, type Filter, type Sort, type Time } from "../state/filter";
import { filter, range, setFilter } from "../state/location";
import { rangeQuery } from "../state/range";
import { fromInput, shortTime, toInput } from "../state/time";

export function Chips() {
  const so = filter.value;
  return (
    <div class="chips" role="group" aria-label="Filters">
      {so.q && <Chip name="Words" value={so.q} without={{ q: "" }} />}
      {so.types.map((type) => (
        <Chip key={type} name="Type" value={type} without={{ types: so.types.filter((one) => one !== type) }} />
      ))}
      {so.owners.map((owner) => (
        <Chip
          key={owner}
          name="Owner"
          value={owner || "none"}
          without={{ owners: so.owners.filter((one) => one !== owner) }}
        />
      ))}
      {so.statuses.length > 1 && <Chip name="Status" value={so.statuses.join(" or ")} without={{ statuses: [] }} />}
      {so.error && <Chip name="Failure" value={so.error} without={{ error: null }} />}
      {Object.entries(so.args).map(([path, value]) => (
        <Chip key={path} name={path} value={value} without={{ args: withoutKey(so.args, path) }} />
      ))}
      {TIMES.map((name) => so[name] && <Chip key={name} name={WORDS[name]} value={spoken(so[name]!)} without={{ [name]: null }} />)}
      <AddFilter />
      {isNarrow(so) && (
        <button type="button" class="link" onClick={() => setFilter({ ...NO_FILTER, statuses: so.statuses.length > 1 ? [] : so.statuses, view: so.view, sort: so.sort })}>
          Clear filters
        </button>
      )}
      <Order />
    </div>
  );
}

function Order() {
  return (
    <select
      class="order small"
      aria-label="Order"
      value={filter.value.sort}
      onChange={(event) => setFilter({ sort: event.currentTarget.value as Sort | "" })}
    >
      <option value="">Newest first</option>
      {Object.entries(SORTS).map(([sort, words]) => (
        <option key={sort} value={sort}>
          {words}
        </option>
      ))}
    </select>
  );
}

const WORDS: Record<Time, string> = { created: "Created", started: "Started", ended: "Ended" };

function withoutKey(args: Filter["args"], path: string): Filter["args"] {
  return Object.fromEntries(Object.entries(args).filter(([key]) => key !== path));
}

function spoken({ from, to }: Between): string {
  if (!to) return `since ${shortTime(Date.parse(from))}`;
  if (!from) return `before ${shortTime(Date.parse(to))}`;
  return `${shortTime(Date.parse(from))} – ${shortTime(Date.parse(to))}`;
}

function Chip({ name, value, without }: { name: string; value: string; without: Partial<Filter> }) {
  const shown = value.slice(0, 80);
  return (
    <span class="filter-chip">
      <span class="fine">{name}</span> <bdi title={value.slice(0, 500)}>{shown}</bdi>
      <button type="button" aria-label={`Without ${name} ${shown}`} onClick={() => setFilter(without)}>
        <span aria-hidden="true">×</span>
      </button>
    </span>
  );
}

const isOpen = signal(false);

function AddFilter() {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!isOpen.value) return;
    const away = (event: Event) => {
      if (!box.current?.contains(event.target as Node)) isOpen.value = false;
    };
    const escape = ({ key }: KeyboardEvent) => {
      if (key === "Escape") isOpen.value = false;
    };
    addEventListener("pointerdown", away);
    addEventListener("keydown", escape);
    return () => {
      removeEventListener("pointerdown", away);
      removeEventListener("keydown", escape);
    };
  }, [isOpen.value]);
  return (
    <div class="menu" ref={box}>
      <button type="button" class="small" aria-expanded={isOpen.value} onClick={() => (isOpen.value = !isOpen.peek())}>
        + Filter
      </button>
      {isOpen.value && <FilterForm />}
    </div>
  );
}

function FilterForm() {
  const so = filter.value;
  return (
    <form
      class="pop filter-form"
      onSubmit={(event) => {
        event.preventDefault();
        isOpen.value = false;
        setFilter(chosen(new FormData(event.currentTarget), so));
      }}
    >
      <Field label="Types (separated by commas)">
        <input name="types" value={so.types.join(", ")} maxLength={2000} spellcheck={false} />
      </Field>
      <Field label="Owners (“none”: without)">
        <input name="owners" value={so.owners.map((owner) => owner || "none").join(", ")} maxLength={2000} />
      </Field>
      <Field label="Argument, such as share=nas-2">
        <input
          name="args"
          value={Object.entries(so.args).map(([path, value]) => `${path}=${value}`).join(", ")}
          maxLength={1000}
          spellcheck={false}
        />
      </Field>
      {TIMES.map((name) => (
        <fieldset key={name}>
          <legend>{WORDS[name]}</legend>
          <input type="datetime-local" name={`${name}-from`} aria-label={`${WORDS[name]} from`} value={toInput(so[name]?.from || null)} />
          <span aria-hidden="true">–</span>
          <input type="datetime-local" name={`${name}-to`} aria-label={`${WORDS[name]} to`} value={toInput(so[name]?.to || null)} />
        </fieldset>
      ))}
      <div class="buttons">
        <button
          type="button"
          onClick={() => {
            isOpen.value = false;
            setFilter({ created: rangeQuery(range.peek()) });
          }}
        >
          Created in the range
        </button>
        <button type="submit" class="primary">
          Filter
        </button>
      </div>
    </form>
  );
}

function Field({ label, children }: { label: string; children: ComponentChildren }) {
  return (
    <label class="field">
      <span>{label}</span>
      {children}
    </label>
  );
}

function chosen(form: FormData, so: Filter): Partial<Filter> {
  const list = (name: string) =>
    String(form.get(name) ?? "").split(",").map((item) => item.trim()).filter(Boolean);
  const times = Object.fromEntries(
    TIMES.map((name) => {
      // An input knows no seconds: what was not touched stays exact.
      const side = (end: "from" | "to") => {
        const text = String(form.get(`${name}-${end}`) ?? "");
        const old = so[name]?.[end] ?? "";
        return toInput(old || null) === text ? old : (fromInput(text) ?? "");
      };
      const [from, to] = [side("from"), side("to")];
      return [name, from || to ? { from, to } : null];
    }),
  );
  return {
    types: list("types"),
    owners: list("owners").map((owner) => (owner === "none" ? "" : owner)),
    args: Object.fromEntries(
      list("args").filter((pair) => pair.includes("=")).map((pair) => {
        const at = pair.indexOf("=");
        return [pair.slice(0, at).trim(), pair.slice(at + 1).trim()];
      }),
    ),
    ...times,
  };
}
