/** The same done to all tasks that fit a filter, those not loaded too: counted, asked, followed. */
import { signal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { BulkAction, BulkJob, BulkProgress } from "bgtasks-client";
import { announce } from "../parts/announce";
import type { BulkCount } from "../state/answers";
import { asBody, type Filter } from "../state/filter";
import { beat } from "../state/pulse";
import { client, reasonOf, statusOf } from "../state/server";
import { serverNow } from "../state/time";

const BULK = "/api/tasks/bulk";
const LOOK = 500; // milliseconds between two looks at the progress, while the dialog is open

const MISSES = 20; // how often in a row the progress may not be found

/** What is shown before the first look. */
type Progress = Pick<BulkProgress, "id" | "status" | "matched" | "done" | "notAllowed" | "gone" | "error">;

interface Question {
  action: BulkAction;
  filter: Filter;
  asOf: string;
  done: () => void;
}

const question = signal<Question | null>(null);
const count = signal<BulkCount | null>(null);
const trouble = signal("");
const job = signal<Progress | null>(null);

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
        <button type="button" class="danger" onClick={() => void end(id)}>
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
    const begun = await post<BulkJob & { matched: number }>(asked, {}, { expected });
    const { id, matched } = begun;
    job.value = { id, matched, status: "Running", done: 0, notAllowed: 0, gone: 0, error: null };
    const ended = await followed(id, asked);
    if (question.peek() === asked) close();
    asked.done();
    announce(outcome(asked.action, ended));
    beat();
  } catch (error) {
    job.value = null;
    trouble.value = reasonOf(error);
    if (question.peek() !== asked) announce(reasonOf(error));
  }
}

/** Look at a job until it has ended, also where the dialog has been closed. */
async function followed(id: string, asked: Question): Promise<BulkProgress> {
  for (let misses = 0; ; ) {
    try {
      const so = await client.peek().api.bulkProgress(id);
      misses = 0;
      if (question.peek() === asked) job.value = so;
      if (so.status !== "Running") return so;
    } catch (error) {
      // The server may be several processes, of which one knows the job.
      if (statusOf(error) !== 404 || ++misses > MISSES) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK));
  }
}

function outcome(action: BulkAction, { done, notAllowed, gone, status, error }: BulkProgress): string {
  const words = [`${tasks(done)}: ${PAST[action]}.`];
  if (status === "Cancelled") words.push("Then it was ended.");
  if (error) words.push(`Then it failed: ${error}.`);
  if (notAllowed) words.push(`${tasks(notAllowed)} not allowed.`);
  if (gone) words.push(`${tasks(gone)} had moved on.`);
  return words.join(" ");
}

async function end(id: string): Promise<void> {
  try {
    await client.peek().api.endBulk(id);
  } catch (error) {
    announce(reasonOf(error));
  }
}
