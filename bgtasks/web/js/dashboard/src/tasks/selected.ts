/** Which tasks of the list are selected: some of the rows, or all that fit the filter. */
import { batch, effect, signal } from "@preact/signals";
import { filter } from "../state/location";

export const selected = signal<ReadonlySet<string>>(new Set());
export const isAllSelected = signal(false);

let anchor: string | null = null;

export function toggle(ids: readonly string[], on?: boolean): void {
  const next = new Set(selected.peek());
  const add = on ?? !ids.every((id) => next.has(id));
  for (const id of ids) {
    if (add) next.add(id);
    else next.delete(id);
  }
  anchor = ids.at(-1) ?? null;
  batch(() => {
    selected.value = next;
    isAllSelected.value = false;
  });
}

/** Select the rows from the one that was chosen last to this one. */
export function extend(id: string, rows: readonly string[]): void {
  const from = anchor === null ? -1 : rows.indexOf(anchor);
  const to = rows.indexOf(id);
  if (from < 0 || to < 0) return toggle([id], true);
  const [first, last] = from < to ? [from, to] : [to, from];
  const kept = anchor;
  toggle(rows.slice(first, last + 1), true);
  anchor = kept;
}

export function clear(): void {
  batch(() => {
    selected.value = new Set();
    isAllSelected.value = false;
  });
}

/** Clear it from the bar, which goes away with that: the list takes the focus. */
export function clearAndReturn(): void {
  clear();
  document.getElementById("list")?.focus({ preventScroll: true });
}

// What is selected but not seen any more would be acted upon unnoticed.
effect(() => {
  filter.value;
  clear();
});
