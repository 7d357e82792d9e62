/** The list: only the rows that are seen are in the page, however many there are. */
import { signal } from "@preact/signals";
import {
  observeWindowOffset,
  observeWindowRect,
  Virtualizer,
  windowScroll,
} from "@tanstack/virtual-core";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { coverage, rows, want } from "./loader";
import { open } from "./location";
import { Row } from "./row";
import { selected, toggle } from "./selected";
import * as store from "./store";

const NARROW = matchMedia("(max-width: 719px)");
const active = signal<string | null>(null);
let place = { scroll: 0, opened: null as string | null };

function rowHeight(): number {
  return NARROW.matches ? 92 : 56;
}

export function List() {
  const grid = useRef<HTMLDivElement>(null);
  const body = useRef<HTMLDivElement>(null);
  const [, redraw] = useState({});
  const [virtual] = useState(() => makeVirtualizer(() => redraw({})));
  const ids = rows.value;
  store.version.value;

  virtual.setOptions({
    ...virtual.options,
    count: ids.length,
    estimateSize: rowHeight,
    scrollMargin: topOf(body.current),
    getItemKey: (index) => rows.peek()[index] ?? index,
  });
  useLayoutEffect(() => virtual._didMount(), []);
  useLayoutEffect(() => virtual._willUpdate());
  useEffect(() => {
    const again = () => {
      virtual.measure();
      redraw({});
    };
    NARROW.addEventListener("change", again);
    // What is above the list may have changed its height.
    const watch = new ResizeObserver(() => redraw({}));
    watch.observe(document.body);
    return () => {
      NARROW.removeEventListener("change", again);
      watch.disconnect();
    };
  }, []);
  useLayoutEffect(() => returnToPlace(grid.current), []);

  const items = virtual.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => want(last), [last, ids.length]);

  const current = active.value !== null && ids.includes(active.value) ? active.value : null;
  const margin = virtual.options.scrollMargin;
  return (
    <>
    <div
      ref={grid}
      id="list"
      class="grid"
      role="grid"
      tabIndex={ids.length ? 0 : -1}
      aria-label="Tasks, newest first"
      aria-describedby="keys"
      aria-multiselectable="true"
      aria-rowcount={coverage.value.complete ? ids.length + 1 : -1}
      aria-activedescendant={current && isShown(items, ids, current) ? `row-${current}` : undefined}
      onFocus={(event) => {
        if (event.target === event.currentTarget && current === null) active.value = ids[0] ?? null;
      }}
      onKeyDown={(event) => onKey(event, virtual, ids, current)}
    >
      <Head ids={ids} />
      <div ref={body} role="rowgroup" class="rows" style={{ height: `${virtual.getTotalSize()}px` }}>
        {items.map((item) => {
          const task = store.get(ids[item.index]!);
          return (
            task && (
              <Row
                key={task.id}
                task={task}
                index={item.index}
                top={item.start - margin}
                isActive={task.id === current}
                isSelected={selected.value.has(task.id)}
                onOpen={() => leave(task.id)}
              />
            )
          );
        })}
      </div>
    </div>
      <p id="keys" class="keys">
        ↑ ↓ move · Enter opens · Space selects · End goes to the oldest
      </p>
    </>
  );
}

function Head({ ids }: { ids: readonly string[] }) {
  const chosen = selected.value;
  const isAll = ids.length > 0 && chosen.size >= ids.length && ids.every((id) => chosen.has(id));
  return (
    <div role="rowgroup" class="head">
      <div role="row" aria-rowindex={1} class="row">
        <span role="columnheader" class="pick">
          <input
            type="checkbox"
            aria-label={`Select all ${ids.length.toLocaleString("en")} tasks shown`}
            checked={isAll}
            onChange={() => toggle(ids, !isAll)}
          />
        </span>
        <span role="columnheader" class="status">
          Status
        </span>
        <span role="columnheader" class="name">
          Task
        </span>
        <span role="columnheader" class="progress">
          Progress
        </span>
        <span role="columnheader" class="owner">
          Owner
        </span>
        <span role="columnheader" class="created">
          Created
        </span>
        <span role="columnheader" class="took">
          Run time
        </span>
      </div>
    </div>
  );
}

function topOf(element: Element | null): number {
  return element ? Math.round(element.getBoundingClientRect().top + scrollY) : 0;
}

type List_ = Virtualizer<Window, Element>;

function makeVirtualizer(redraw: () => void): List_ {
  return new Virtualizer<Window, Element>({
    count: 0,
    getScrollElement: () => window,
    estimateSize: rowHeight,
    observeElementRect: observeWindowRect,
    observeElementOffset: observeWindowOffset,
    scrollToFn: windowScroll,
    initialOffset: () => window.scrollY,
    overscan: 8,
    scrollPaddingStart: 110,
    scrollPaddingEnd: 80,
    onChange: redraw,
  });
}

function isShown(items: { index: number }[], ids: readonly string[], id: string): boolean {
  return items.some((item) => ids[item.index] === id);
}

function onKey(
  event: KeyboardEvent,
  virtual: List_,
  ids: readonly string[],
  current: string | null,
): void {
  if (event.target !== event.currentTarget || event.ctrlKey || event.metaKey || event.altKey) return;
  const index = current === null ? -1 : ids.indexOf(current);
  const page = Math.max(1, Math.floor((innerHeight - 190) / rowHeight()));
  const moves: Record<string, number> = {
    ArrowDown: index + 1,
    ArrowUp: index - 1,
    PageDown: index + page,
    PageUp: index - page,
    Home: 0,
    End: ids.length - 1,
  };
  const move = moves[event.key];
  if (move !== undefined) {
    const next = Math.min(Math.max(move, 0), ids.length - 1);
    active.value = ids[next] ?? null;
    virtual.scrollToIndex(next, { align: "auto" });
    if (event.shiftKey && active.value) toggle([active.value], true);
  } else if (event.key === "Enter" && current) leave(current);
  else if (event.key === " " && current) toggle([current]);
  else if (event.key === "Escape") toggle([...selected.peek()], false);
  else if (event.key === "/") document.getElementById("search")?.focus();
  else return;
  event.preventDefault();
}

/** Open a task, and remember where to come back to. */
function leave(id: string): void {
  place = { scroll: scrollY, opened: id };
  active.value = id;
  open(id);
}

function returnToPlace(grid: HTMLElement | null): void {
  if (!place.opened) return;
  scrollTo(0, place.scroll);
  grid?.focus({ preventScroll: true });
  place.opened = null;
}
