/** The palette: go anywhere and do what the page can do, by typing. */
import { effect, signal, untracked } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import type { ScheduleInfo } from "bgtasks-client";
import type { Items, TypeRow } from "../state/answers";
import { NO_FILTER } from "../state/filter";
import { go, PAGES } from "../state/location";
import { mayNot } from "../state/me";
import { WITHIN, type Within } from "../state/range";
import { ask } from "../state/resource";
import { nextTheme } from "../state/theme";
import { zone } from "../state/time";
import { PAGE_NAMES } from "./navigation";
import { areKeysOpen, isPaletteOpen as isOpen } from "./opening";
import { search } from "./search-box";

interface Entry {
  kind: string;
  name: string;
  act: () => unknown;
}

const MOST = 12;
const typed = signal("");
const at = signal(0);
const learnt = signal<readonly Entry[]>([]);

effect(() => {
  if (!isOpen.value) return;
  typed.value = "";
  at.value = 0;
  // Not followed: what is typed stays when it becomes known later who one is.
  if (!untracked(() => mayNot("control"))) void learn();
});

/** Types and schedules, where they may be seen. */
async function learn(): Promise<void> {
  const [types, schedules] = await Promise.allSettled([
    ask<Items<TypeRow>>("/api/types"),
    ask<Items<ScheduleInfo>>("/api/schedules"),
  ]);
  learnt.value = [
    ...(types.status === "fulfilled" ? types.value.items : []).map(({ name }) => ({
      kind: "Tasks of type",
      name,
      act: () => go({ page: "tasks", filter: { ...NO_FILTER, types: [name] } }),
    })),
    ...(schedules.status === "fulfilled" ? schedules.value.items : []).map(({ name }) => ({
      kind: "Schedule",
      name,
      act: () => go({ page: "schedules" }),
    })),
  ];
}

const STATES = ["Running", "Failed", "Cancelled", "Completed"] as const;

function fixed(): Entry[] {
  return [
    ...PAGES.map((page) => ({ kind: "Page", name: PAGE_NAMES[page], act: () => go({ page }) })),
    ...STATES.map((status) => ({
      kind: "Tasks",
      name: status,
      act: () => go({ page: "tasks", filter: { ...NO_FILTER, statuses: [status] } }),
    })),
    ...(Object.keys(WITHIN) as Within[]).map((within) => ({
      kind: "Range",
      name: WITHIN[within][0],
      act: () => go({ range: within }),
    })),
    { kind: "Show", name: "Times in UTC", act: () => go({ zone: "utc" }, true) },
    { kind: "Show", name: "Times in the local zone", act: () => go({ zone: "local" }, true) },
    { kind: "Show", name: "Another theme", act: nextTheme },
    { kind: "Show", name: "All keys", act: () => (areKeysOpen.value = true) },
  ];
}

function matching(text: string): Entry[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const found = [...fixed(), ...learnt.value].filter(({ kind, name }) => {
    const whole = `${kind} ${name}`.toLowerCase();
    return words.every((word) => whole.includes(word));
  });
  const asSearch = { kind: "Search tasks for", name: text.trim(), act: () => search(text) };
  return [...found.slice(0, MOST), ...(text.trim() ? [asSearch] : [])];
}

export function Palette() {
  const dialog = useRef<HTMLDialogElement>(null);
  const list = useRef<HTMLUListElement>(null);
  zone.value;
  useLayoutEffect(() => {
    if (isOpen.value) dialog.current?.showModal();
  }, [isOpen.value]);
  useEffect(() => list.current?.children[at.value]?.scrollIntoView({ block: "nearest" }), [at.value]);
  if (!isOpen.value) return null;
  const entries = matching(typed.value);
  const close = () => {
    dialog.current?.close();
    isOpen.value = false;
  };
  const choose = (entry: Entry | undefined) => {
    close();
    entry?.act();
  };
  return (
    <dialog ref={dialog} class="palette" onClose={close} aria-label="Palette">
      <input
        type="text"
        role="combobox"
        aria-label="Go to or do"
        aria-expanded="true"
        aria-controls="palette-list"
        aria-activedescendant={entries.length ? `palette-${at.value}` : undefined}
        placeholder="Go to a page, a type, a schedule; or search tasks"
        autofocus
        maxLength={200}
        autocomplete="off"
        spellcheck={false}
        onInput={(event) => {
          typed.value = event.currentTarget.value;
          at.value = 0;
        }}
        onKeyDown={(event) => {
          const move = { ArrowDown: 1, ArrowUp: -1 }[event.key];
          if (move) at.value = (at.value + move + entries.length) % Math.max(1, entries.length);
          else if (event.key === "Enter") choose(entries[at.value]);
          else return;
          event.preventDefault();
        }}
      />
      <ul ref={list} id="palette-list" role="listbox" aria-label="What fits">
        {entries.map((entry, index) => (
          <li
            key={`${entry.kind} ${entry.name}`}
            id={`palette-${index}`}
            role="option"
            aria-selected={index === at.value}
            onClick={() => choose(entry)}
          >
            <span class="fine">{entry.kind}</span> <bdi>{entry.name}</bdi>
          </li>
        ))}
      </ul>
    </dialog>
  );
}
