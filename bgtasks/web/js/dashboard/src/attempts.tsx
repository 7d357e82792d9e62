import type { FailedAttempt, Task } from "bgtasks-client";
import { Badge } from "./badge";
import { Since } from "./moments";
import { attempts } from "./opened";

export function Attempts({ task }: { task: Task }) {
  const failures = attempts.value ?? [];
  const isCurrentListed = failures.some(({ attempt }) => attempt === task.attempt);
  return (
    <section class="panel" aria-labelledby="attempts">
      <h2 id="attempts">Attempts</h2>
      {task.attempt === 0 && <p class="fine">The first attempt has not begun.</p>}
      <ol class="attempts">
        {task.attempt > 0 && !isCurrentListed && (
          <li class="current">
            <b>Attempt {task.attempt}</b> <Badge status={task.status} />
          </li>
        )}
        {failures.map((failure, index) => (
          <li key={failure.attempt}>
            <Failure failure={failure} isFirst={index === 0} />
          </li>
        ))}
      </ol>
    </section>
  );
}

function Failure({ failure, isFirst }: { failure: FailedAttempt; isFirst: boolean }) {
  const { attempt, kind, errorMessage, traceback, endedAt } = failure;
  return (
    <>
      <p>
        <b>Attempt {attempt}</b> <span class="kind">{kind}</span>{" "}
        <span class="fine">
          <Since iso={endedAt} />
        </span>
      </p>
      <p class="error">
        <bdi>{errorMessage}</bdi>
      </p>
      {traceback && (
        <details open={isFirst}>
          <summary>Traceback</summary>
          <pre class="code" tabIndex={0} role="region" aria-label={`Traceback of attempt ${attempt}`}>
            <code>{traceback}</code>
          </pre>
        </details>
      )}
    </>
  );
}
