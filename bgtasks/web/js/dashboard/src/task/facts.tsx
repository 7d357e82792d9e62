/** What is known of a task, beside what it does. */
import type { Task } from "bgtasks-client";
import type { ComponentChildren } from "preact";
import { Panel } from "../parts/box";
import { Copy } from "../parts/copy";
import { Link } from "../parts/link";
import { Duration, Moment, Since } from "../parts/moments";
import { NO_FILTER } from "../state/filter";
import { shortly } from "../state/time";
import { attempts, changedAt, details } from "./opened";

export function Facts({ task }: { task: Task }) {
  const isRunning = task.status === "Running";
  const more = details.value ?? {};
  return (
    <Panel id="facts" title="Times">
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
        <Waited task={task} />
        {task.startedAt && (
          <Fact name={isRunning ? "Running for" : "Ran for"}>
            <Duration from={task.startedAt} to={task.completedAt} isOpen={isRunning} />
          </Fact>
        )}
        {changedAt.value && isRunning && (
          <Fact name="Last report">
            <Since iso={changedAt.value} />
          </Fact>
        )}
        <Fact name="Owner">
          {task.owner === null ? (
            "none"
          ) : (
            <Link to={{ page: "tasks", filter: { ...NO_FILTER, owners: [task.owner] } }}>
              <bdi>{task.owner}</bdi>
            </Link>
          )}
        </Fact>
        <Fact name="Attempt">
          <AttemptNumber task={task} most={more.maxAttempts ?? null} />
        </Fact>
        {more.priority !== undefined && <Fact name="Priority">{more.priority}</Fact>}
        {more.timeout != null && <Fact name="Timeout">{shortly(more.timeout * 1000)}</Fact>}
        {task.schedule && (
          <Fact name="Schedule">
            <Link to={{ page: "schedules" }}>
              <bdi>{task.schedule.name}</bdi>
            </Link>
            {task.schedule.tick && (
              <span class="fine">
                tick of <Since iso={task.schedule.tick} />
              </span>
            )}
          </Fact>
        )}
        <Fact name="Id">
          <code class="id">{task.id}</code> <Copy what="id" text={() => task.id} />
        </Fact>
      </dl>
    </Panel>
  );
}

/** Attempts that a stop or a crash cut off are not among those that a type may have. */
function AttemptNumber({ task, most }: { task: Task; most: number | null }) {
  if (!task.attempt) return <>none yet</>;
  const cutOff = (attempts.value ?? []).filter(({ outcome }) => outcome === "interrupted").length;
  return (
    <>
      {task.attempt}
      {most !== null && !cutOff && ` of ${most}`}
      {cutOff > 0 && (
        <span class="fine">
          {cutOff} interrupted{most !== null && `, the others at most ${most}`}
        </span>
      )}
    </>
  );
}

/** How long it waited for its first attempt, not counting the time it was scheduled for: what the
 * snapshot has of a start is that of the newest attempt. */
function Waited({ task }: { task: Task }) {
  const firstStart = (attempts.value ?? []).find(({ attempt }) => attempt === 1)?.startedAt;
  const started = firstStart ?? (task.attempt <= 1 ? task.startedAt : null);
  if (!started && task.attempt > 1) return null;
  return (
    <Fact name="Waited">
      <Duration
        from={task.createdAt}
        to={started ?? task.completedAt}
        isOpen={task.status === "Pending" && task.attempt === 0}
      />
    </Fact>
  );
}

function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
