/** Which tasks of the list are selected. */
import { effect, signal } from "@preact/signals";
import { filter } from "./location";

export const selected = signal<ReadonlySet<string>>(new Set());

export function toggle(ids: readonly string[], on?: boolean): void {
  const next = new Set(selected.peek());
  const add = on ?? !ids.every((id) => next.has(id));
  for (const id of ids) {
    if (add) next.add(id);
    else next.delete(id);
  }
  selected.value = next;
}

export function clear(): void {
  selected.value = new Set();
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
