import { useLayoutEffect, useRef } from "preact/hooks";
import { isFinal, type Action, type Task } from "bgtasks-client";
import { Badge } from "../parts/badge";
import { Panel } from "../parts/box";
import { Link } from "../parts/link";
import { Value } from "../parts/tree";
import { NO_FILTER } from "../state/filter";
import { mayNot } from "../state/me";
import { isAllowed } from "../state/permissions";
import { isPossible } from "../state/task";
import { confirm } from "../tasks/confirm";
import { Attempts } from "./attempts";
import { ErrorPanel } from "./error-panel";
import { Facts } from "./facts";
import { Log } from "./log";
import { details, opened, openedTrouble, refetch } from "./opened";
import { askRunAgain, RunAgain } from "./run-again";

export function TaskPage({ id }: { id: string }) {
  const task = opened.value;
  return (
    <div class="task-page">
      <p class="back">
        <Link to={{ page: "tasks", task: null }}>
          <span aria-hidden="true">←</span> All tasks
        </Link>
      </p>
      {task ? <Opened task={task} /> : <Missing id={id} />}
    </div>
  );
}

function Missing({ id }: { id: string }) {
  const trouble = openedTrouble.value;
  if (!trouble) return <p aria-busy="true">Reading the task…</p>;
  return (
    <section class="state">
      <h1>{trouble.isMissing ? "There is no such task" : "The task cannot be read"}</h1>
      <p>
        {trouble.isMissing
          ? "It may have been removed after its time of keeping, or it is not yours to see."
          : trouble.text}
      </p>
      <p class="fine">
        <bdi>{id.slice(0, 200)}</bdi>
      </p>
      <button type="button" class="primary" onClick={() => void refetch()}>
        Try again
      </button>
    </section>
  );
}

function Opened({ task }: { task: Task }) {
  const heading = useRef<HTMLHeadingElement>(null);
  // With the heading, not a frame later: a key that is pressed at once is no longer the search box's.
  useLayoutEffect(() => {
    scrollTo(0, 0);
    heading.current?.focus({ preventScroll: true });
  }, []);
  return (
    <>
      <header class="task-head">
        <div>
          <h1 ref={heading} tabIndex={-1}>
            <bdi>{task.name}</bdi>
          </h1>
          <p class="about">
            <Badge status={task.status} />
            {task.cancelRequested && !isFinal(task) && <span class="chip">Cancellation asked</span>}
            <Link class="chip" to={{ page: "tasks", filter: { ...NO_FILTER, types: [task.type] } }}>
              <span class="visually-hidden">Type: </span>
              <bdi>{task.type}</bdi>
            </Link>
          </p>
        </div>
        <Actions task={task} />
      </header>
      <Progress task={task} />
      <ErrorPanel task={task} />
      <div class="columns">
        <div>
          <Facts task={task} />
          <Arguments />
        </div>
        <div>
          <Panel id="payload" title="Payload">
            {task.payload === null || task.payload === undefined ? (
              <p class="fine">
                {task.payloadOmitted ? "It is being read…" : "The worker has not reported one."}
              </p>
            ) : (
              <Value value={task.payload} what="Payload" />
            )}
          </Panel>
          {task.status === "Completed" && task.result !== null && task.result !== undefined && (
            <Panel id="result" title="Result">
              <Value value={task.result} what="Result" />
            </Panel>
          )}
          <Attempts task={task} />
        </div>
      </div>
      <Log task={task} />
      <RunAgain />
    </>
  );
}

/** What it was submitted with, where the policy lets this user see that. */
function Arguments() {
  const given = details.value?.arguments;
  if (given === undefined && !mayNot("arguments")) return null;
  return (
    <Panel id="arguments" title="Arguments">
      {given === undefined ? <p class="fine">Not allowed here.</p> : <Value value={given} what="Arguments" />}
    </Panel>
  );
}

function Actions({ task }: { task: Task }) {
  const action: Action = isFinal(task) ? "retry" : "cancel";
  const isForbidden = isAllowed(action, task.id) === false;
  const isOver = task.status === "Completed";
  return (
    <div class="actions">
      <div class="row-buttons">
        {!isOver && (
          <button
            type="button"
            class={action === "cancel" ? "danger" : "primary"}
            disabled={isForbidden || !isPossible(action, task)}
            aria-describedby={isForbidden ? "forbidden" : undefined}
            onClick={() => confirm(action, [task.id])}
          >
            {action === "cancel" ? "Cancel task" : "Retry task"}
          </button>
        )}
        <button type="button" disabled={isAllowed("retry", task.id) === false} onClick={() => askRunAgain(task)}>
          Run again…
        </button>
      </div>
      {isForbidden && !isOver && (
        <p class="fine" id="forbidden">
          You are not allowed to {action} this task.
        </p>
      )}
    </div>
  );
}

function Progress({ task }: { task: Task }) {
  // Nothing was reported: an empty bar would tell nothing.
  if (isFinal(task) && !task.progress && !task.statusMessage) return null;
  return (
    <section class="panel wide-progress" aria-label="Progress">
      <p>
        <span class="message">
          {task.statusMessage ? <bdi>{task.statusMessage}</bdi> : <span class="fine">No message</span>}
        </span>
        <b class="percent">{Math.floor(task.progress)} %</b>
      </p>
      <div
        class={`bar ${task.status}`}
        role="progressbar"
        aria-label="Progress"
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.floor(task.progress)}
      >
        <i style={{ transform: `scaleX(${task.progress / 100})` }} />
      </div>
    </section>
  );
}
