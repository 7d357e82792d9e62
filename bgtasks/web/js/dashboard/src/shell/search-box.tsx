/** The one search: what is typed looks through all tasks on the server. */
import { effect, signal } from "@preact/signals";
import { filter, go, page } from "../state/location";
import { KEYS, parseSearch } from "../state/search-text";
import { isPaletteOpen } from "./opening";

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const REST = 250; // milliseconds without a key after which it is looked for

const text = signal(filter.peek().q);
let timer: number | undefined;

effect(() => {
  text.value = filter.value.q;
});

/** Search for it; words with a key become parts of the filter. */
export function search(typed: string, replace = false): void {
  clearTimeout(timer);
  const trimmed = typed.trim();
  if (UUID.test(trimmed)) go({ page: "tasks", task: trimmed.toLowerCase() });
  else go({ page: "tasks", filter: parseSearch(trimmed, filter.peek()) }, replace);
}

export function SearchBox() {
  return (
    <search class="search-box">
      <input
        type="search"
        id="search"
        aria-label="Search tasks"
        title={`Words, or ${KEYS.map((key) => `${key}:…`).join(", ")}`}
        value={text.value}
        placeholder="Search: words, type:…, owner:…, args.…:…"
        maxLength={200}
        autocomplete="off"
        spellcheck={false}
        onInput={(event) => {
          const typed = event.currentTarget.value;
          text.value = typed;
          clearTimeout(timer);
          // What may become a part of the filter waits for Enter.
          if (page.peek() === "tasks" && !typed.includes(":") && !UUID.test(typed.trim()))
            timer = window.setTimeout(() => search(typed, true), REST);
        }}
        onKeyDown={(event) => {
          if (event.key === "Enter") search(event.currentTarget.value);
          else if (event.key === "Escape") event.currentTarget.blur();
        }}
      />
      <button type="button" class="quiet palette-key" onClick={() => (isPaletteOpen.value = true)}>
        <span class="visually-hidden">Open the palette</span>
        <kbd aria-hidden="true">⌘K</kbd>
      </button>
    </search>
  );
}
