/** A new task like one that there was, perhaps with other arguments. */
import { signal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { Task } from "bgtasks-client";
import { announce } from "../parts/announce";
import { go } from "../state/location";
import { client, reasonOf } from "../state/server";
import { details } from "./opened";

const asked = signal<Task | null>(null);
const trouble = signal("");

export function askRunAgain(task: Task): void {
  trouble.value = "";
  asked.value = task;
}

export function RunAgain() {
  const dialog = useRef<HTMLDialogElement>(null);
  const task = asked.value;
  useLayoutEffect(() => {
    if (task) dialog.current?.showModal();
  }, [task]);
  if (!task) return null;
  const close = () => {
    dialog.current?.close();
    asked.value = null;
  };
  const before = argumentsOf();
  return (
    <dialog ref={dialog} onClose={close} aria-labelledby="again-question">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          const text = String(new FormData(event.currentTarget).get("arguments") ?? "");
          void run(task, before === null ? null : changed(before, text), close);
        }}
      >
        <h2 id="again-question">Run again as a new task?</h2>
        {before === null ? (
          <p class="fine">It gets the same arguments, owner and priority. The arguments are not shown here.</p>
        ) : (
          <label class="field">
            <span>Arguments</span>
            <textarea name="arguments" rows={10} spellcheck={false} defaultValue={JSON.stringify(before, null, 2)} />
          </label>
        )}
        {trouble.value && (
          <p class="error" role="alert">
            {trouble.value}
          </p>
        )}
        <div class="buttons">
          <button type="button" onClick={close}>
            Go back
          </button>
          <button type="submit" class="primary">
            Run again
          </button>
        </div>
      </form>
    </dialog>
  );
}

function argumentsOf(): Record<string, unknown> | null {
  const given = details.peek()?.arguments;
  if (typeof given !== "object" || given === null || Array.isArray(given)) return null;
  return Object.fromEntries(Object.entries(given).filter(([name]) => name !== "id"));
}

/** What is other than before; a text that is no object is told of. */
function changed(before: Record<string, unknown>, text: string): Record<string, unknown> | string {
  let now: unknown;
  try {
    now = JSON.parse(text);
  } catch (error) {
    return `That is no JSON: ${error instanceof Error ? error.message : ""}`;
  }
  if (typeof now !== "object" || now === null || Array.isArray(now)) return "Arguments are an object.";
  return Object.fromEntries(
    Object.entries(now).filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(before[name])),
  );
}

async function run(task: Task, changes: Record<string, unknown> | string | null, close: () => void): Promise<void> {
  if (typeof changes === "string") {
    trouble.value = changes;
    return;
  }
  const body = changes && Object.keys(changes).length ? { arguments: changes } : undefined;
  try {
    const made = await client.peek().api.request<Task>("POST", `/api/tasks/${task.id}/run-again`, [], body);
    close();
    announce("A new task was submitted.");
    go({ page: "tasks", task: made.id });
  } catch (error) {
    trouble.value = reasonOf(error);
  }
}
