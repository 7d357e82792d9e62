/** All attempts: as a lane of waiting and running, and as a table. */
import type { Attempt, Task } from "bgtasks-client";
import { Panel } from "../parts/box";
import { Duration, Since } from "../parts/moments";
import { fullTime, now, shortly } from "../state/time";
import { attempts } from "./opened";
import { Traceback } from "./traceback";

export function Attempts({ task }: { task: Task }) {
  const found = attempts.value;
  return (
    <Panel id="attempts" title="Attempts">
      {task.attempt === 0 && <p class="fine">The first attempt has not begun.</p>}
      {found && found.length > 0 && <Lane task={task} found={found} />}
      {found === null && task.attempt > 0 && <p class="fine">Not known.</p>}
      {found && found.length > 0 && (
        <div class="scroll" tabIndex={0} role="region" aria-label="Table of attempts">
          <table class="attempts">
            <thead>
              <tr>
                <th class="num">No.</th>
                <th>Started</th>
                <th>Ran</th>
                <th>Process</th>
                <th>Outcome</th>
              </tr>
            </thead>
            <tbody>
              {found.map((attempt) => (
                <Line key={attempt.attempt} attempt={attempt} newest={found.find(({ attempt: one }) => one === task.attempt)} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Panel>
  );
}

function Line({ attempt, newest }: { attempt: Attempt; newest: Attempt | undefined }) {
  const { startedAt, endedAt, outcome, process, error, traceback } = attempt;
  return (
    <>
      <tr>
        <td class="num">{attempt.attempt}</td>
        <td>{startedAt ? <Since iso={startedAt} /> : "unknown"}</td>
        <td>
          <Duration isShort from={startedAt} to={endedAt} isOpen={outcome === null} />
        </td>
        <td>
          {process ? (
            <span title={process.id}>
              <bdi>{process.host ?? "unknown"}</bdi> {process.pid}
            </span>
          ) : (
            "unknown"
          )}
        </td>
        <td>
          <span class={`outcome ${classOf(outcome)}`}>{outcome ?? "running"}</span>
        </td>
      </tr>
      {error && attempt !== newest && (
        <tr class="why">
          <td />
          <td colSpan={4}>
            {error.message === newest?.error?.message ? (
              <p class="fine">The same error.</p>
            ) : (
              <p class="error">
                <b>{error.type}: </b>
                <bdi>{error.message}</bdi>
              </p>
            )}
            {error.frame && error.frame !== newest?.error?.frame && (
              <p class="fine">
                at <bdi>{error.frame}</bdi>
              </p>
            )}
            {traceback && (
              <details>
                <summary>Traceback</summary>
                <Traceback text={traceback} label={`Traceback of attempt ${attempt.attempt}`} />
              </details>
            )}
          </td>
        </tr>
      )}
    </>
  );
}

/** An outcome as the style sheet has it. */
function classOf(outcome: string | null): string {
  return outcome === null ? "running" : outcome.replaceAll(" ", "-");
}

interface Piece {
  kind: string;
  from: number;
  to: number;
}

/** Wait, run, backoff, run: side by side, as long as they took. */
function Lane({ task, found }: { task: Task; found: readonly Attempt[] }) {
  const pieces = piecesOf(task, found, now.value);
  if (!pieces.length) return null;
  const said = pieces.map(({ kind, from, to }) => `${kind} ${shortly(to - from)}`).join(", ");
  return (
    <div class="lane" role="img" aria-label={said}>
      {pieces.map(({ kind, from, to }, index) => (
        <i
          key={index}
          class={classOf(kind)}
          style={{ flexGrow: Math.max(to - from, 1) }}
          title={`${kind} ${shortly(to - from)}, from ${fullTime(new Date(from).toISOString())}`}
        />
      ))}
    </div>
  );
}

export function piecesOf(task: Task, found: readonly Attempt[], at: number): Piece[] {
  const pieces: Piece[] = [];
  let since = Date.parse(task.createdAt);
  for (const { startedAt, endedAt, outcome } of [...found].sort((a, b) => a.attempt - b.attempt)) {
    if (!startedAt) continue;
    const from = Date.parse(startedAt);
    if (from > since) pieces.push({ kind: pieces.length ? "backoff" : "wait", from: since, to: from });
    const to = endedAt ? Date.parse(endedAt) : Math.max(at, from);
    pieces.push({ kind: outcome ?? "running", from, to });
    since = to;
  }
  if (task.status === "Pending" && at > since) pieces.push({ kind: pieces.length ? "backoff" : "wait", from: since, to: at });
  return pieces;
}
