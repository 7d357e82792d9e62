/** What the schedules submit in the next 24 hours, as far as their next ticks say. */
import type { ScheduleInfo } from "bgtasks-client";
import { Panel } from "../parts/box";
import { axisTime, now, shortTime } from "../state/time";

const DAY = 24 * 3_600_000;
const MARKS = 6;

export function NextDay({ items }: { items: readonly ScheduleInfo[] }) {
  const from = now.value;
  const lanes = items
    .map(({ name, next }) => ({
      name,
      ticks: next.map((tick) => Date.parse(tick)).filter((tick) => tick >= from && tick < from + DAY),
      isMore: next.length >= 5 && Date.parse(next.at(-1)!) < from + DAY,
    }))
    .filter(({ ticks }) => ticks.length)
    .sort((a, b) => a.ticks[0]! - b.ticks[0]!);
  return (
    <Panel id="next-day" title="The next 24 hours">
      {!lanes.length && <p class="fine">Nothing is scheduled.</p>}
      <ul class="day">
        {lanes.map(({ name, ticks, isMore }) => (
          <li key={name}>
            <bdi>{name}</bdi>
            <span class="day-lane" role="img" aria-label={`${name}: ${ticks.map(shortTime).join(", ")}${isMore ? " and on" : ""}`}>
              {ticks.map((tick) => (
                <i key={tick} style={{ left: `${(100 * (tick - from)) / DAY}%` }} title={shortTime(tick)} />
              ))}
              {isMore && <i class="on" style={{ left: `${(100 * (ticks.at(-1)! - from)) / DAY}%` }} title="and on" />}
            </span>
          </li>
        ))}
        {lanes.length > 0 && (
          <li aria-hidden="true" class="fine">
            <span />
            <span class="day-axis">
              {Array.from({ length: MARKS }, (_, index) => (
                <span key={index} style={{ left: `${(100 * index) / MARKS}%` }}>
                  {axisTime(from + (index * DAY) / MARKS)}
                </span>
              ))}
            </span>
          </li>
        )}
      </ul>
    </Panel>
  );
}
