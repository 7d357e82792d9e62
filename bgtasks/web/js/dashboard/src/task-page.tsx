import { useEffect, useRef } from "preact/hooks";
import { isFinal, type Action, type Task } from "bgtasks-client";
import { Attempts } from "./attempts";
import { Badge } from "./badge";
import { confirm } from "./confirm";
import { TaskLink } from "./link";
import { Duration, Moment } from "./moments";
import { opened, openedTrouble, refetch } from "./opened";
import { Payload } from "./payload";
import { isAllowed } from "./permissions";
import { isPossible } from "./task";
import { now } from "./time";

export function TaskPage({ id }: { id: string }) {
  const task = opened.value;
  return (
    <div class="task-page">
      <nav aria-label="Back">
        <TaskLink to={null} class="back">
          <span aria-hidden="true">←</span> All tasks
        </TaskLink>
      </nav>
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
  useEffect(() => {
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
            <span class="chip">
              <span class="visually-hidden">Type: </span>
              <bdi>{task.type}</bdi>
            </span>
          </p>
        </div>
        <Actions task={task} />
      </header>
      <Progress task={task} />
      {task.errorMessage && (
        <section class="panel failure" aria-labelledby="error">
          <h2 id="error">Error</h2>
          <p class="error">
            <bdi>{task.errorMessage}</bdi>
          </p>
        </section>
      )}
      <div class="columns">
        <Facts task={task} />
        <div>
          <section class="panel" aria-labelledby="payload">
            <h2 id="payload">Payload</h2>
            {task.payload === null || task.payload === undefined ? (
              <p class="fine">
                {task.payloadOmitted ? "It is being read…" : "The worker has not reported one."}
              </p>
            ) : (
              <Payload value={task.payload} />
            )}
          </section>
          <Attempts task={task} />
        </div>
      </div>
    </>
  );
}

function Actions({ task }: { task: Task }) {
  const action: Action = task.status === "Failed" || task.status === "Cancelled" ? "retry" : "cancel";
  if (task.status === "Completed") return null;
  const isForbidden = isAllowed(action, task.id) === false;
  return (
    <div class="actions">
      <button
        type="button"
        class={action === "cancel" ? "danger" : "primary"}
        disabled={isForbidden || !isPossible(action, task)}
        aria-describedby={isForbidden ? "forbidden" : undefined}
        onClick={() => confirm(action, [task.id])}
      >
        {action === "cancel" ? "Cancel task" : "Retry task"}
      </button>
      {isForbidden && (
        <p class="fine" id="forbidden">
          You are not allowed to {action} this task.
        </p>
      )}
    </div>
  );
}

function Progress({ task }: { task: Task }) {
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

function Facts({ task }: { task: Task }) {
  const isRunning = task.status === "Running";
  return (
    <section class="panel" aria-labelledby="facts">
      <h2 id="facts">Times</h2>
      <Timeline task={task} />
      <dl>
        <Fact name="Created">
          <Moment iso={task.createdAt} />
        </Fact>
        {task.scheduledAt && task.status === "Pending" && (
          <Fact name={task.attempt ? "Next attempt" : "Starts"}>
            <Moment iso={task.scheduledAt} />
          </Fact>
        )}
        {task.startedAt && (
          <Fact name="Started">
            <Moment iso={task.startedAt} />
          </Fact>
        )}
        {task.completedAt && (
          <Fact name="Ended">
            <Moment iso={task.completedAt} />
          </Fact>
        )}
        <Fact name="Waited">
          <Duration
            from={task.createdAt}
            to={task.startedAt ?? task.completedAt}
            isOpen={task.status === "Pending"}
          />
        </Fact>
        {task.startedAt && (
          <Fact name={isRunning ? "Running for" : "Ran for"}>
            <Duration from={task.startedAt} to={task.completedAt} isOpen={isRunning} />
          </Fact>
        )}
        <Fact name="Owner">{task.owner === null ? "none" : <bdi>{task.owner}</bdi>}</Fact>
        <Fact name="Attempt">{task.attempt || "none yet"}</Fact>
        <Fact name="Id">
          <code class="id">{task.id}</code>
        </Fact>
      </dl>
    </section>
  );
}

function Fact({ name, children }: { name: string; children: preact.ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** How long it waited and how long it ran, side by side. The list below says it in words. */
function Timeline({ task }: { task: Task }) {
  const created = Date.parse(task.createdAt);
  const end = task.completedAt ? Date.parse(task.completedAt) : Math.max(now.value, created);
  const started = task.startedAt ? Date.parse(task.startedAt) : end;
  return (
    <div class="timeline" aria-hidden="true">
      <i class="waited" style={{ flexGrow: Math.max(started - created, 0) }} />
      <i class={`ran ${task.status}`} style={{ flexGrow: Math.max(end - started, 0) }} />
    </div>
  );
}
