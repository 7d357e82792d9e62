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
  return (
    <Panel id="log" title="Log" beside={<Copy what="log" text={() => lines.peek().map(asText).join("\n")} />}>
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
        {lines.value.map((line) => (
          <p key={line.number} class={`level-${line.level}`}>
            <time dateTime={line.at}>{clockTime(Date.parse(line.at))}</time> <b>{line.level}</b>{" "}
            {line.logger && (
              <span class="fine">
                <bdi>{line.logger}</bdi>{" "}
              </span>
            )}
            <bdi>{line.message}</bdi>
          </p>
        ))}
      </div>
    </Panel>
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
