/** Search and filters; what is chosen is in the address. */
import type { ComponentChildren } from "preact";
import {
  filter,
  isFiltered,
  NO_FILTER,
  open,
  setFilter,
  WITHIN,
  type Filter,
  type Within,
} from "./location";
import { owners, types } from "./store";
import { fromLocalInput, toLocalInput } from "./time";
import { useSignal } from "@preact/signals";

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export function Filters() {
  const { q, type, owner } = filter.value;
  return (
    <search class="filters">
      <label class="field search">
        <span>Search</span>
        <input
          type="search"
          id="search"
          value={q}
          placeholder="Name, type, owner or id"
          maxLength={200}
          autocomplete="off"
          spellcheck={false}
          onInput={(event) => setFilter({ q: event.currentTarget.value }, true)}
          onKeyDown={(event) => {
            const text = event.currentTarget.value.trim();
            if (event.key === "Enter" && UUID.test(text)) open(text.toLowerCase());
          }}
        />
      </label>
      <Choice
        label="Type"
        value={type === null ? "any" : `=${type}`}
        onChange={(value) => setFilter({ type: value === "any" ? null : value.slice(1) })}
      >
        <option value="any">Any type</option>
        {withChosen(types.value, type).map((name) => (
          <option key={name} value={`=${name}`}>
            {name}
          </option>
        ))}
      </Choice>
      <Choice
        label="Owner"
        value={owner === null ? "any" : `=${owner}`}
        onChange={(value) => setFilter({ owner: value === "any" ? null : value.slice(1) })}
      >
        <option value="any">Any owner</option>
        <option value="=">No owner</option>
        {withChosen(owners.value, owner || null).map((name) => (
          <option key={name} value={`=${name}`}>
            {name}
          </option>
        ))}
      </Choice>
      <CreatedChoice />
      {isFiltered.value && (
        <button type="button" class="clear" onClick={() => setFilter(NO_FILTER)}>
          Clear filters
        </button>
      )}
    </search>
  );
}

function CreatedChoice() {
  const { within, from, to } = filter.value;
  const isCustom = useSignal(!!(from || to));
  const value = within ?? (from || to || isCustom.value ? "custom" : "any");
  const choose = (chosen: string) => {
    isCustom.value = chosen === "custom";
    const ofTime: Partial<Filter> = { within: null, from: null, to: null };
    if (Object.hasOwn(WITHIN, chosen)) ofTime.within = chosen as Within;
    setFilter(ofTime);
  };
  return (
    <>
      <Choice label="Created" value={value} onChange={choose}>
        <option value="any">Any time</option>
        {(Object.keys(WITHIN) as Within[]).map((key) => (
          <option key={key} value={key}>
            {WITHIN[key][0]}
          </option>
        ))}
        <option value="custom">Between…</option>
      </Choice>
      {value === "custom" && (
        <>
          <Moment label="From" value={from} onChange={(time) => setFilter({ from: time }, true)} />
          <Moment label="To" value={to} onChange={(time) => setFilter({ to: time }, true)} />
        </>
      )}
    </>
  );
}

function Choice(props: {
  label: string;
  value: string;
  onChange: (value: string) => void;
  children: ComponentChildren;
}) {
  return (
    <label class="field">
      <span>{props.label}</span>
      <select value={props.value} onChange={(event) => props.onChange(event.currentTarget.value)}>
        {props.children}
      </select>
    </label>
  );
}

function Moment(props: {
  label: string;
  value: string | null;
  onChange: (time: string | null) => void;
}) {
  return (
    <label class="field moment">
      <span>{props.label}</span>
      <input
        type="datetime-local"
        value={toLocalInput(props.value)}
        onChange={(event) => props.onChange(fromLocalInput(event.currentTarget.value))}
      />
    </label>
  );
}

function withChosen(names: readonly string[], chosen: string | null): readonly string[] {
  return chosen === null || names.includes(chosen) ? names : [...names, chosen].sort();
}
