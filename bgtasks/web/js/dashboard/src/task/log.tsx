/** The tail of a task's log, live. */
import { signal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import type { LogLine, Task } from "bgtasks-client";
import { Panel } from "../parts/box";
import { Copy } from "../parts/copy";
import { openTask } from "../state/location";
import { client } from "../state/server";
import { clockTime } from "../state/time";

const KEPT = 2000; // lines that the page holds

const lines = signal<readonly LogLine[]>([]);
const first = signal<number | null>(null);
/** Only what the worker says to whoever watches; lines of `logging` are for operators alone. */
const isForUsers = signal(false);

export function Log({ task }: { task: Task }) {
  const box = useRef<HTMLDivElement>(null);
  const isAtEnd = useRef(true);
  const { id } = task;
  useEffect(() => {
    lines.value = [];
    first.value = null;
    void read(id);
    return client.value.watchLogs(id, (_, all) => (lines.value = all.slice(-KEPT)));
  }, [id, client.value]);
  useLayoutEffect(() => {
    if (box.current && isAtEnd.current) box.current.scrollTop = box.current.scrollHeight;
  }, [lines.value]);
  if (!lines.value.length) return null;
  const shown = isForUsers.value ? lines.value.filter(({ source }) => source === "task") : lines.value;
  return (
    <Panel id="log" title="Log" beside={<Choices />}>
      {first.value !== null && first.value > 1 && (
        <p class="fine">The first {(first.value - 1).toLocaleString("en")} lines are no longer kept.</p>
      )}
      <div
        ref={box}
        class="code log"
        tabIndex={0}
        role="log"
        aria-label="Log"
        onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) => {
          isAtEnd.current = scrollHeight - scrollTop - clientHeight < 8;
        }}
      >
        {shown.map((line) => (
          <p key={line.number} class={`level-${line.level} of-${line.source}`}>
            <time dateTime={line.at}>{clockTime(Date.parse(line.at))}</time> <b>{line.level}</b>{" "}
            {line.logger && (
              <span class="fine">
                <bdi>{line.logger}</bdi>{" "}
              </span>
            )}
            <bdi>{line.message}</bdi>
          </p>
        ))}
        {!shown.length && <p class="fine">The worker says nothing to users.</p>}
      </div>
    </Panel>
  );
}

/** Which lines; the choice is there where lines of both kinds are. */
function Choices() {
  const isMixed = new Set(lines.value.map(({ source }) => source)).size > 1;
  const isUsers = isForUsers.value;
  return (
    <span class="row-buttons">
      {(isMixed || isUsers) && (
        <button
          type="button"
          class="quiet small"
          aria-pressed={isUsers}
          title="Without the lines of Python’s logging, which only operators get"
          onClick={() => (isForUsers.value = !isUsers)}
        >
          As users see it
        </button>
      )}
      <Copy what="log" text={() => lines.peek().map(asText).join("\n")} />
    </span>
  );
}

function asText({ at, level, message }: LogLine): string {
  return `${at} ${level} ${message}`;
}

/** What there is needs no connection; whoever may not see it is shown no log. */
async function read(id: string): Promise<void> {
  try {
    const found = await client.peek().api.logs(id);
    if (openTask.peek() !== id) return;
    first.value = found.first;
    if (!lines.peek().length) lines.value = found.items.slice(-KEPT);
  } catch {
    // The lines that are pushed are all there is to see.
  }
}
