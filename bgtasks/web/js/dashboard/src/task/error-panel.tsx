/** Why it failed, once: what, where in the host's own code, and the traceback. */
import type { Task } from "bgtasks-client";
import { Panel } from "../parts/box";
import { Copy } from "../parts/copy";
import { Link } from "../parts/link";
import { range, type Place } from "../state/location";
import { bounds, rangeAround } from "../state/range";
import { lastOwn, partsOf } from "./frames";
import { attempts } from "./opened";
import { Traceback } from "./traceback";

export function ErrorPanel({ task }: { task: Task }) {
  const newest = (attempts.value ?? []).find(({ error, attempt }) => error && attempt === task.attempt);
  const message = task.errorMessage ?? newest?.error?.message;
  if (!message) return null;
  const frame = newest?.error?.frame ?? frameOf(newest?.traceback);
  return (
    <Panel
      id="error"
      title="Error"
      class="failure"
      beside={
        <span class="row-buttons">
          {newest?.group && <Link to={likeIt(newest.group, newest.endedAt)}>Others like it</Link>}
          <Copy what="error" text={() => newest?.traceback ?? message} />
        </span>
      }
    >
      <p class="error">
        {newest?.error?.type && !message.startsWith(newest.error.type) && (
          <b>
            <bdi>{newest.error.type}</bdi>:{" "}
          </b>
        )}
        <bdi>{message}</bdi>
      </p>
      {frame && (
        <p class="fine">
          at <bdi>{frame}</bdi>
        </p>
      )}
      {newest?.traceback && <Traceback text={newest.traceback} label={`Traceback of attempt ${newest.attempt}`} />}
    </Panel>
  );
}

/** The failures of this group, in a range in which this one is. */
function likeIt(group: string, endedAt: string | null): Place {
  const around = endedAt === null ? null : rangeAround(endedAt);
  const isSeen = endedAt !== null && Date.parse(endedAt) >= bounds(range.value).from;
  return { page: "failures", group, ...(around !== null && !isSeen && { range: around }) };
}

function frameOf(traceback: string | null | undefined): string | null {
  const own = traceback ? lastOwn(partsOf(traceback)) : null;
  return own && `${own.name} in ${own.path}, line ${own.line}`;
}
