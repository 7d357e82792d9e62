import { Count, Trouble } from "../parts/box";
import { TaskLink } from "../parts/link";
import { Since } from "../parts/moments";
import type { Items, ProcessRow } from "../state/answers";
import { ask, useAnswer } from "../state/resource";

const SHOWN = 5; // tasks of a process
const SLOW_LOOP = 50; // milliseconds that a loop may be held

export function ProcessesPage() {
  const found = useAnswer("processes", () => ask<Items<ProcessRow>>("/api/processes"));
  const items = found.data?.items ?? [];
  const lost = items.filter(({ alive }) => !alive).length;
  return (
    <>
      <div class="page-head">
        <h1>Processes</h1>
        {lost > 0 && (
          <p class="error">
            {lost} lost. What a lost process was running runs again in another one.
          </p>
        )}
      </div>
      {found.data && (
        <div class="cards">
          {items.map((process) => (
            <Process key={process.id} process={process} />
          ))}
        </div>
      )}
      {found.data && !items.length && (
        <section class="state">
          <h2>No process is there</h2>
          <p>Nothing runs until one starts: the application itself, or a worker of its own.</p>
          <pre class="code" tabIndex={0} role="region" aria-label="Example command">
            <code>python -m bgtasks worker myapp:container</code>
          </pre>
        </section>
      )}
      <Trouble of={found} what="which processes there are" />
    </>
  );
}

function Process({ process }: { process: ProcessRow }) {
  const { host, pid, alive, running, places, loopLagMs, rssBytes, release, types } = process;
  return (
    <article class={`panel process ${alive ? "" : "lost"}`} aria-label={`Process ${pid ?? process.id}`}>
      <h2>
        <bdi>{host ?? "unknown host"}</bdi> <span class="fine">pid {pid ?? "unknown"}</span>
      </h2>
      <p>
        <b class={alive ? "" : "error"}>{alive ? (process.runsTasks ? "Runs tasks" : "Submits only") : "Lost"}</b>
        {process.seenAt && (
          <span class="fine">
            {" "}
            seen <Since iso={process.seenAt} />
          </span>
        )}
      </p>
      <dl>
        <Fact name="Running">
          <Count value={running} />
          {places !== null && ` of ${places}`}
        </Fact>
        <Fact name="Loop lag">
          {loopLagMs === null ? (
            <Count value={null} />
          ) : (
            <span class={loopLagMs > SLOW_LOOP ? "error" : ""}>{loopLagMs.toFixed(1)} ms</span>
          )}
        </Fact>
        <Fact name="Memory">{rssBytes === null ? <Count value={null} /> : `${Math.round(rssBytes / 1_048_576)} MiB`}</Fact>
        <Fact name="Release">{release ? <bdi>{release}</bdi> : <Count value={null} />}</Fact>
        {process.startedAt && (
          <Fact name="Started">
            <Since iso={process.startedAt} />
          </Fact>
        )}
        <Fact name="Types">
          <bdi>{types === null ? "unknown" : types.slice(0, 12).join(", ") || "none"}</bdi>
        </Fact>
        <Fact name="Tasks now">
          <Tasks of={process} />
        </Fact>
      </dl>
    </article>
  );
}

function Tasks({ of: { tasks, alive } }: { of: ProcessRow }) {
  if (tasks === null) return <Count value={null} />;
  if (!tasks.length) return <>none</>;
  return (
    <ul>
      {tasks.slice(0, SHOWN).map((id) => (
        <li key={id}>
          <TaskLink to={id}>…{id.slice(-8)}</TaskLink>
        </li>
      ))}
      {tasks.length > SHOWN && <li class="fine">and {tasks.length - SHOWN} more</li>}
      {!alive && <li class="fine">they run again in another process</li>}
    </ul>
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
