/** While somebody points at the list, has scrolled it or selected rows, its order is held. */
import { computed, signal } from "@preact/signals";
import { isAllSelected, selected } from "./selected";

export const isPointedAt = signal(false);
export const isScrolled = signal(false);

export const held = computed(
  () => isPointedAt.value || isScrolled.value || selected.value.size > 0 || isAllSelected.value,
);
