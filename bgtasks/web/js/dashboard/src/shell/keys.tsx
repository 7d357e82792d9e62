/** Keys that work everywhere, and the page that tells of them. */
import { useLayoutEffect, useRef } from "preact/hooks";
import { go, openTask, page } from "../state/location";
import { rows } from "../tasks/rows";
import { areKeysOpen, isPaletteOpen } from "./opening";

const KEYS: readonly (readonly [string, string])[] = [
  ["/", "search from anywhere"],
  ["⌘ K or Ctrl K", "open the palette: pages, types, schedules, commands"],
  ["j, k", "next and previous task, in the list and on a task’s page"],
  ["↑ ↓ Page Up Page Down Home End", "move in the list"],
  ["Enter", "open the task"],
  ["Space or x", "select; with Shift all rows from the last one"],
  ["Escape", "clear the selection, close what is open"],
  ["?", "this page"],
];

export function KeysHelp() {
  const dialog = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    if (areKeysOpen.value) dialog.current?.showModal();
  }, [areKeysOpen.value]);
  if (!areKeysOpen.value) return null;
  const close = () => {
    dialog.current?.close();
    areKeysOpen.value = false;
  };
  return (
    <dialog ref={dialog} onClose={close} aria-labelledby="keys-title" class="keys-help">
      <h2 id="keys-title">Keys</h2>
      <dl>
        {KEYS.map(([key, meaning]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
      <div class="buttons">
        <button type="button" onClick={close}>
          Close
        </button>
      </div>
    </dialog>
  );
}

export function listenToKeys(): void {
  addEventListener("keydown", (event) => {
    if ((event.metaKey || event.ctrlKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      isPaletteOpen.value = true;
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    if (document.querySelector("dialog[open]")) return;
    if (event.key === "/") document.getElementById("search")?.focus();
    else if (event.key === "?") areKeysOpen.value = true;
    else if (event.key === "j" || event.key === "k") step(event);
    else return;
    event.preventDefault();
  });
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest("input:not([type=checkbox]), textarea, select") !== null;
}

/** To the next or previous task of the list. */
function step(event: KeyboardEvent): void {
  if (openTask.peek() !== null) {
    const ids = rows.peek();
    const to = ids.indexOf(openTask.peek()!) + (event.key === "j" ? 1 : -1);
    if (ids[to] !== undefined && ids.includes(openTask.peek()!)) go({ page: "tasks", task: ids[to] }, true);
  } else if (page.peek() === "tasks") {
    const list = document.getElementById("list");
    list?.focus({ preventScroll: true });
    list?.dispatchEvent(new KeyboardEvent("keydown", { key: event.key, shiftKey: event.shiftKey, bubbles: true }));
  }
}
