/** The tail of a task's log, live. */
import { signal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import type { Task } from "bgtasks-client";
import { Panel } from "../parts/box";
import { Copy } from "../parts/copy";
import type { LogLine, LogPart } from "../state/answers";
import { ask } from "../state/resource";
import { statusOf } from "../state/server";
import { clockTime } from "../state/time";

const KEPT = 2000; // lines that the page holds

const lines = signal<readonly LogLine[]>([]);
const first = signal<number | null>(null);
const isThere = signal(true);

export function Log({ task }: { task: Task }) {
  const box = useRef<HTMLDivElement>(null);
  const isAtEnd = useRef(true);
  const { id, revision } = task;
  useEffect(() => {
    lines.value = [];
    first.value = null;
    isThere.value = true;
  }, [id]);
  // What is logged is committed with the reports.
  useEffect(() => void readOn(id), [id, revision]);
  useLayoutEffect(() => {
    if (box.current && isAtEnd.current) box.current.scrollTop = box.current.scrollHeight;
  }, [lines.value]);
  if (!isThere.value || !lines.value.length) return null;
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
          <p key={line.number} class={`level-${line.level.toLowerCase()}`}>
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

let isReading = "";
let again = false;

async function readOn(id: string): Promise<void> {
  if (isReading === id) {
    again = true;
    return;
  }
  isReading = id;
  try {
    do {
      again = false;
      const after = lines.peek().at(-1)?.number ?? 0;
      const found = await ask<LogPart>(`/api/tasks/${id}/logs`, [["after", String(after)]]);
      if (isReading !== id) return;
      take(found.items);
      first.value = found.first;
      if (found.items.length && found.last !== null && found.items.at(-1)!.number < found.last) again = true;
    } while (again);
  } catch (error) {
    if (isReading === id && statusOf(error)) isThere.value = false;
  } finally {
    if (isReading === id) isReading = "";
  }
}

function take(items: readonly LogLine[]): void {
  const last = lines.peek().at(-1)?.number ?? 0;
  const added = items.filter(({ number }) => number > last);
  if (added.length) lines.value = [...lines.peek(), ...added].slice(-KEPT);
}
