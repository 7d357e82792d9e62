/** Cancel or retry, one task or many: asked for in a dialog, then told how it went. */
import { signal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { Action } from "bgtasks-client";
import { announce } from "../parts/announce";
import { isAllowed } from "../state/permissions";
import { client, each, reasonOf } from "../state/server";
import { isPossible } from "../state/task";
import { opened, receive } from "../task/opened";
import { get, put } from "./rows";

interface Question {
  action: Action;
  ids: readonly string[];
  left: number; // selected tasks that this is not possible for
  done: () => void;
}

const question = signal<Question | null>(null);
const working = signal<number | null>(null);

/** Those of the tasks whose state and policy permit the action. */
export function permitted(action: Action, ids: Iterable<string>): string[] {
  return [...ids].filter((id) => {
    const task = get(id);
    return task && isPossible(action, task) && isAllowed(action, id) !== false;
  });
}

export function confirm(action: Action, ids: readonly string[], left = 0, done = () => {}): void {
  question.value = { action, ids, left, done };
}

function nameOf(id: string): string {
  return get(id)?.name ?? (opened.peek()?.id === id ? opened.peek()!.name : id);
}

function tasks(count: number): string {
  return count === 1 ? "1 task" : `${count.toLocaleString("en")} tasks`;
}

export function Confirmation() {
  const dialog = useRef<HTMLDialogElement>(null);
  const asked = question.value;
  useLayoutEffect(() => {
    if (asked) dialog.current?.showModal();
  }, [asked]);
  if (!asked) return null;
  const { action, ids, left } = asked;
  const close = () => {
    dialog.current?.close();
    question.value = null;
  };
  const word = action === "cancel" ? "Cancel" : "Retry";
  const names = ids.slice(0, 5).map(nameOf);
  return (
    <dialog ref={dialog} onClose={close} aria-labelledby="question" aria-describedby="meaning">
      <h2 id="question">
        {word} {tasks(ids.length)}?
      </h2>
      <ul class="names">
        {names.map((name, index) => (
          <li key={index}>
            <bdi>{name}</bdi>
          </li>
        ))}
        {ids.length > names.length && <li>and {tasks(ids.length - names.length)} more</li>}
      </ul>
      <p id="meaning">
        {action === "cancel"
          ? "A waiting task is cancelled at once. A running one is asked to stop, and shows “Cancelled” when it has."
          : "It goes back to the end of the queue and runs again from its beginning."}
        {left > 0 && ` ${tasks(left)} of the selection cannot be ${past(action)} and stay as they are.`}
      </p>
      <div class="buttons">
        <button type="button" onClick={close} disabled={working.value !== null}>
          Go back
        </button>
        <button
          type="button"
          class={action === "cancel" ? "danger" : "primary"}
          disabled={working.value !== null}
          onClick={() => void perform(asked, close)}
        >
          {working.value === null
            ? `${word} ${tasks(ids.length)}`
            : `${working.value} of ${ids.length}…`}
        </button>
      </div>
    </dialog>
  );
}

function past(action: Action): string {
  return action === "cancel" ? "cancelled" : "retried";
}

async function perform({ action, ids, done }: Question, close: () => void): Promise<void> {
  const refusals: string[] = [];
  working.value = 0;
  await each(ids, async (id) => {
    try {
      const snapshot = await client.peek().api[action](id);
      put(snapshot);
      receive(snapshot);
    } catch (error) {
      refusals.push(reasonOf(error));
    }
    working.value = (working.peek() ?? 0) + 1;
  });
  working.value = null;
  close();
  done();
  announce(outcome(action, ids.length - refusals.length, refusals));
}

function outcome(action: Action, done: number, refusals: readonly string[]): string {
  const words: string[] = [];
  if (done) words.push(`${tasks(done)}: ${action === "cancel" ? "cancellation asked" : "submitted again"}.`);
  if (refusals.length) words.push(`${tasks(refusals.length)} refused: ${refusals[0]}.`);
  return words.join(" ");
}
