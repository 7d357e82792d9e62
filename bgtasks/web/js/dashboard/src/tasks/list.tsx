/** The list: only the rows that are seen are in the page, however many there are. */
import { signal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { SORTS } from "../state/filter";
import { filter, go } from "../state/location";
import { orAfterFirst } from "../state/server";
import { ListHead } from "./head";
import { isPointedAt, isScrolled } from "./held";
import { Row } from "./row";
import { complete, get, isReplacing, rows, stale, version, want } from "./rows";
import { clear, extend, isAllSelected, selected, toggle } from "./selected";
import { scrollToRow, useWindow } from "./virtual";

const NARROW = matchMedia("(max-width: 719px)");
export const active = signal<string | null>(null);
let place = { scroll: 0, opened: null as string | null };

export function List() {
  const grid = useRef<HTMLDivElement>(null);
  const body = useRef<HTMLDivElement>(null);
  const ids = rows.value;
  version.value;
  const height = useRowHeight();
  const { first, end } = useWindow(body, ids.length, height);
  useEffect(() => orAfterFirst(() => void want(end)), [end, ids, version.value]);
  useLayoutEffect(() => returnToPlace(grid.current), []);
  useHolding(body.current);

  const current = active.value !== null && ids.includes(active.value) ? active.value : null;
  const drawn = ids.slice(first, end);
  const isAll = isAllSelected.value;
  return (
    <>
      <div
        ref={grid}
        id="list"
        class={`grid ${isReplacing.value ? "replacing" : ""}`}
        role="grid"
        tabIndex={ids.length ? 0 : -1}
        aria-label={`Tasks, ${(filter.value.sort ? SORTS[filter.value.sort] : "Newest first").toLowerCase()}`}
        aria-describedby="keys"
        aria-multiselectable="true"
        aria-busy={isReplacing.value}
        aria-rowcount={complete.value ? ids.length + 1 : -1}
        aria-activedescendant={current && drawn.includes(current) ? `row-${current}` : undefined}
        onFocus={(event) => {
          if (event.target === event.currentTarget && current === null) active.value = ids[0] ?? null;
        }}
        onKeyDown={(event) => onKey(event, body.current!, height, current)}
        onPointerEnter={(event) => (isPointedAt.value = event.pointerType === "mouse")}
        onPointerLeave={() => (isPointedAt.value = false)}
      >
        <ListHead ids={ids} />
        <div ref={body} role="rowgroup" class="rows" style={{ height: `${ids.length * height}px` }}>
          {drawn.map((id, index) => {
            const task = get(id);
            return (
              task && (
                <Row
                  key={id}
                  task={task}
                  index={first + index}
                  top={(first + index) * height}
                  isActive={id === current}
                  isSelected={isAll || selected.value.has(id)}
                  isStale={stale.value.has(id)}
                  onOpen={() => leave(id)}
                  onPick={(isRange) => (isRange ? extend(id, rows.peek()) : toggle([id]))}
                />
              )
            );
          })}
        </div>
      </div>
      <p id="keys" class="keys">
        ↑ ↓ or j k move · Enter opens · Space selects · ? shows all keys
      </p>
    </>
  );
}

function useRowHeight(): number {
  const of = () => (NARROW.matches ? 56 : 32);
  const [height, setHeight] = useState(of);
  useEffect(() => {
    const again = () => setHeight(of());
    NARROW.addEventListener("change", again);
    return () => NARROW.removeEventListener("change", again);
  }, []);
  return height;
}

/** Notes whether the first rows are scrolled out of sight. */
function useHolding(body: HTMLElement | null): void {
  useEffect(() => {
    if (!body) return;
    const look = () => (isScrolled.value = body.getBoundingClientRect().top < 40);
    addEventListener("scroll", look, { passive: true });
    return () => {
      removeEventListener("scroll", look);
      isScrolled.value = false;
      isPointedAt.value = false;
    };
  }, [body]);
}

function onKey(event: KeyboardEvent, body: HTMLElement, height: number, current: string | null): void {
  if (event.target !== event.currentTarget || event.ctrlKey || event.metaKey || event.altKey) return;
  const ids = rows.peek();
  const index = current === null ? -1 : ids.indexOf(current);
  const far = Math.max(1, Math.floor((innerHeight - 200) / height));
  const moves: Record<string, number> = {
    ArrowDown: index + 1,
    ArrowUp: index - 1,
    j: index + 1,
    k: index - 1,
    PageDown: index + far,
    PageUp: index - far,
    Home: 0,
    End: ids.length - 1,
  };
  const move = moves[event.key];
  if (move !== undefined) {
    const next = Math.min(Math.max(move, 0), ids.length - 1);
    active.value = ids[next] ?? null;
    scrollToRow(body, next, height);
    if (event.shiftKey && active.value) toggle([active.value], true);
  } else if (event.key === "Enter" && current) leave(current);
  else if ((event.key === " " || event.key === "x") && current)
    event.shiftKey ? extend(current, ids) : toggle([current]);
  else if (event.key === "Escape") clear();
  else return;
  event.preventDefault();
  event.stopPropagation();
}

/** Open a task, and remember where to come back to. */
function leave(id: string): void {
  // Who marks a text in a row does not want to leave.
  if (!getSelection()?.isCollapsed) return;
  place = { scroll: scrollY, opened: id };
  active.value = id;
  go({ page: "tasks", task: id });
}

function returnToPlace(grid: HTMLElement | null): void {
  if (!place.opened) return;
  scrollTo(0, place.scroll);
  grid?.focus({ preventScroll: true });
  place.opened = null;
}
