/** The same done to all tasks that fit a filter, those not loaded too: counted, asked, followed. */
import { signal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { BulkAction } from "bgtasks-client";
import { announce } from "../parts/announce";
import type { BulkCount } from "../state/answers";
import { asBody, type Filter } from "../state/filter";
import { beat } from "../state/pulse";
import { client, reasonOf } from "../state/server";
import { serverNow } from "../state/time";

const BULK = "/api/tasks/bulk";
const LOOK = 500; // milliseconds between two looks at the progress, while the dialog is open

interface Progress {
  matched: number;
  done: number;
  notAllowed: number;
  gone: number;
  ended: boolean;
}

interface Question {
  action: BulkAction;
  filter: Filter;
  asOf: string;
  done: () => void;
}

const question = signal<Question | null>(null);
const count = signal<BulkCount | null>(null);
const trouble = signal("");
const job = signal<(Progress & { id: string | null }) | null>(null);

const PAST = { cancel: "cancellation asked", retry: "submitted again", delete: "deleted" } as const;

/** Ask how many tasks there are, and then whether to do it. */
export function askBulk(action: BulkAction, filter: Filter, done = () => {}): void {
  const asked = { action, filter, asOf: new Date(serverNow()).toISOString(), done };
  question.value = asked;
  count.value = null;
  job.value = null;
  trouble.value = "";
  void post<BulkCount>(asked, { dryRun: "true" }).then(
    (found) => (count.value = found),
    (error) => (trouble.value = reasonOf(error)),
  );
}

function post<T>({ action, filter, asOf }: Question, query: Record<string, string>, more: object = {}): Promise<T> {
  const body = { action, filter: asBody({ ...filter, sort: "" }), asOf, ...more };
  return client.peek().api.request<T>("POST", BULK, Object.entries(query), body);
}

function tasks(number: number): string {
  return number === 1 ? "1 task" : `${number.toLocaleString("en")} tasks`;
}

export function BulkDialog() {
  const dialog = useRef<HTMLDialogElement>(null);
  const asked = question.value;
  useLayoutEffect(() => {
    if (asked) dialog.current?.showModal();
  }, [asked]);
  if (!asked) return null;
  const close = () => {
    dialog.current?.close();
    question.value = null;
  };
  return (
    <dialog ref={dialog} onClose={close} aria-labelledby="bulk-question">
      {job.value ? (
        <Working close={close} />
      ) : (
        <Asking asked={asked} close={close} />
      )}
    </dialog>
  );
}

function Asking({ asked, close }: { asked: Question; close: () => void }) {
  const { action } = asked;
  const word = action[0]!.toUpperCase() + action.slice(1);
  const found = count.value;
  return (
    <>
      <h2 id="bulk-question">{found ? `${word} ${tasks(found.matched)}?` : `${word} all that match?`}</h2>
      {trouble.value && <p class="error" role="alert">{trouble.value}</p>}
      {!found && !trouble.value && <p class="fine">Counting…</p>}
      {found && <Shares of={found.types} what="Type" />}
      {found?.owners && <Shares of={found.owners} what="Owner" />}
      <p class="fine">
        {action === "cancel" && "Waiting ones are cancelled at once, running ones are asked to stop. "}
        {action === "retry" && "They go to the end of the queue and run again from their beginning. "}
        {action === "delete" && "All that is kept of them goes too. This cannot be undone. "}
        Tasks that were submitted since are left alone.
      </p>
      <div class="buttons">
        <button type="button" onClick={close}>
          Go back
        </button>
        <button
          type="button"
          class={action === "retry" ? "primary" : "danger"}
          disabled={!found?.matched}
          onClick={() => void carryOut(asked, found!.matched, close)}
        >
          {word} {tasks(found?.matched ?? 0)}
        </button>
      </div>
    </>
  );
}

function Shares({ of, what }: { of: Record<string, number>; what: string }) {
  const all = Object.entries(of).sort((a, b) => b[1] - a[1]);
  if (!all.length) return null;
  return (
    <ul class="names shares" aria-label={`By ${what.toLowerCase()}`}>
      {all.slice(0, 6).map(([name, number]) => (
        <li key={name}>
          <bdi>{name || "no owner"}</bdi> <b>{number.toLocaleString("en")}</b>
        </li>
      ))}
      {all.length > 6 && <li>and {all.length - 6} more</li>}
    </ul>
  );
}

function Working({ close }: { close: () => void }) {
  const { id, matched, done, notAllowed, gone } = job.value!;
  const seen = done + notAllowed + gone;
  return (
    <>
      <h2 id="bulk-question">
        {seen.toLocaleString("en")} of {tasks(matched)}
      </h2>
      <progress max={Math.max(matched, 1)} value={seen} aria-label="Progress" />
      <p class="fine">It goes on where this page is closed.</p>
      <div class="buttons">
        <button type="button" class="danger" disabled={id === null} onClick={() => void end(id!)}>
          Stop
        </button>
        <button type="button" onClick={close}>
          Close
        </button>
      </div>
    </>
  );
}

async function carryOut(asked: Question, expected: number, close: () => void): Promise<void> {
  trouble.value = "";
  try {
    const begun = await post<Partial<Progress> & { id?: string; matched: number }>(asked, {}, { expected });
    let so = progressOf(begun, begun.id === undefined);
    job.value = { ...so, id: begun.id ?? null };
    while (!so.ended && begun.id !== undefined) {
      await new Promise((resolve) => setTimeout(resolve, LOOK));
      const now = await client.peek().api.request<Partial<Progress>>("GET", `${BULK}/${begun.id}`);
      so = progressOf({ matched: begun.matched, ...now }, false);
      if (question.peek() === asked) job.value = { ...so, id: begun.id };
    }
    if (question.peek() === asked) close();
    asked.done();
    announce(outcome(asked.action, so));
    beat();
  } catch (error) {
    job.value = null;
    trouble.value = reasonOf(error);
    if (question.peek() !== asked) announce(reasonOf(error));
  }
}

function progressOf(found: Partial<Progress> & { state?: string; endedAt?: string | null }, isEnded: boolean): Progress {
  const { matched = 0, done = 0, notAllowed = 0, gone = 0 } = found;
  const ended = isEnded || found.ended === true || !!found.endedAt || (found.state ?? "running") !== "running";
  return { matched, done, notAllowed, gone, ended };
}

function outcome(action: BulkAction, { done, notAllowed, gone }: Progress): string {
  const words = [`${tasks(done)}: ${PAST[action]}.`];
  if (notAllowed) words.push(`${tasks(notAllowed)} not allowed.`);
  if (gone) words.push(`${tasks(gone)} had moved on.`);
  return words.join(" ");
}

async function end(id: string): Promise<void> {
  try {
    await client.peek().api.request("DELETE", `${BULK}/${id}`);
  } catch (error) {
    announce(reasonOf(error));
  }
}
