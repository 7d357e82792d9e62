/** The time range of the page: up to now, or between two times. */
import { signal } from "@preact/signals";
import { go, range } from "../state/location";
import { bounds, isWithin, WITHIN, type Within } from "../state/range";
import { fromInput, shortTime, toInput } from "../state/time";

const isAsking = signal(false);

export function RangeMenu() {
  const so = range.value;
  return (
    <div class="range">
      <select
        aria-label="Time range"
        value={typeof so === "string" ? so : "custom"}
        onChange={(event) => {
          const { value } = event.currentTarget;
          if (isWithin(value)) go({ range: value });
          isAsking.value = value === "choose";
          if (value === "choose") event.currentTarget.value = typeof so === "string" ? so : "custom";
        }}
      >
        {(Object.keys(WITHIN) as Within[]).map((within) => (
          <option key={within} value={within}>
            {WITHIN[within][0]}
          </option>
        ))}
        {typeof so !== "string" && (
          <option value="custom">
            {shortTime(Date.parse(so.from))} – {so.to ? shortTime(Date.parse(so.to)) : "now"}
          </option>
        )}
        <option value="choose">Between…</option>
      </select>
      {isAsking.value && <BetweenForm />}
    </div>
  );
}

function BetweenForm() {
  const { from, to } = bounds(range.peek());
  const close = () => (isAsking.value = false);
  return (
    <form
      class="pop"
      onKeyDown={(event) => {
        if (event.key === "Escape") close();
      }}
      onSubmit={(event) => {
        event.preventDefault();
        const form = new FormData(event.currentTarget);
        const [start, end] = ["from", "to"].map((name) => fromInput(String(form.get(name) ?? "")));
        if (start && (!end || start < end)) go({ range: { from: start, to: end ?? "" } });
        close();
      }}
    >
      <label class="field">
        <span>From</span>
        <input type="datetime-local" name="from" required value={toInput(new Date(from).toISOString())} />
      </label>
      <label class="field">
        <span>To</span>
        <input type="datetime-local" name="to" value={toInput(new Date(to).toISOString())} />
      </label>
      <div class="buttons">
        <button type="button" onClick={close}>
          Go back
        </button>
        <button type="submit" class="primary">
          Show
        </button>
      </div>
    </form>
  );
}
