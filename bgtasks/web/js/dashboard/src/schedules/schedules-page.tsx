import type { ScheduleInfo, ScheduleTick } from "bgtasks-client";
import { announce } from "../parts/announce";
import { Trouble } from "../parts/box";
import { TaskLink } from "../parts/link";
import { Since } from "../parts/moments";
import type { Items } from "../state/answers";
import { beat } from "../state/pulse";
import { ask, useAnswer } from "../state/resource";
import { client, reasonOf } from "../state/server";
import { fullTime, shortTime } from "../state/time";
import { NextDay } from "./next-day";

const SHOWN = 8; // of the last ticks

export function SchedulesPage() {
  const found = useAnswer("schedules", () =>
    ask<Items<ScheduleInfo>>("/api/schedules", [["limit", "200"]]),
  );
  const items = found.data?.items ?? [];
  return (
    <>
      <h1>Schedules</h1>
      {found.data && items.length > 0 && <NextDay items={items} />}
      {found.data && !items.length && <NoSchedules />}
      <div class="schedules">
        {items.map((schedule) => (
          <Schedule key={schedule.name} schedule={schedule} />
        ))}
      </div>
      <Trouble of={found} what="the schedules" />
    </>
  );
}

const FIRST_SCHEDULE = `from bgtasks import Cron, schedule

schedules=providers.List(
    schedule("nightly-export", Cron("0 3 * * *"), providers.Factory(ExportTask)),
)`;

function NoSchedules() {
  return (
    <section class="state">
      <h2>No schedules yet</h2>
      <p>A schedule submits a task at each tick, one over any number of processes. Give it to the container:</p>
      <pre class="code" tabIndex={0} role="region" aria-label="Example code">
        <code>{FIRST_SCHEDULE}</code>
      </pre>
    </section>
  );
}

function Schedule({ schedule }: { schedule: ScheduleInfo }) {
  const { name, type, spec, inWords, timezone, pausedAt, next, last } = schedule;
  return (
    <article class="panel schedule" aria-label={name}>
      <div class="panel-head">
        <h2>
          <bdi>{name}</bdi>
        </h2>
        <div class="row-buttons">
          <Button what="run" name={name} word="Run now" />
          <Button what={pausedAt ? "resume" : "pause"} name={name} word={pausedAt ? "Resume" : "Pause"} />
        </div>
      </div>
      <p>
        <b>
          <bdi>{inWords}</bdi>
        </b>{" "}
        <span class="fine">
          {spec !== inWords && (
            <>
              <code>{spec}</code>,{" "}
            </>
          )}
          {!inWords.includes(timezone) && (
            <>
              <bdi>{timezone}</bdi>,{" "}
            </>
          )}
          submits <bdi>{type}</bdi>
          {!schedule.registered && ", no process has it now"}
        </span>
      </p>
      {pausedAt && (
        <p class="error">
          Paused <Since iso={pausedAt} />
        </p>
      )}
      {schedule.lastError && (
        <p class="error">
          <bdi>{schedule.lastError}</bdi>
        </p>
      )}
      <div class="ticks">
        <div>
          <h3>Next</h3>
          <ol>
            {next.slice(0, 5).map((tick) => (
              <li key={tick}>
                <time dateTime={tick} title={fullTime(tick)}>
                  {shortTime(Date.parse(tick))}
                </time>
              </li>
            ))}
            {!next.length && <li class="fine">none</li>}
          </ol>
        </div>
        <div>
          <h3>Last</h3>
          <ol>
            {last.slice(0, SHOWN).map((tick) => (
              <li key={tick.tick}>
                <Tick tick={tick} />
              </li>
            ))}
            {!last.length && <li class="fine">none yet</li>}
          </ol>
        </div>
      </div>
    </article>
  );
}

function Tick({ tick }: { tick: ScheduleTick }) {
  const at = shortTime(Date.parse(tick.tick));
  return (
    <>
      <span class={`tick ${tick.outcome}`}>{tick.outcome}</span>{" "}
      {tick.task ? <TaskLink to={tick.task}>{at}</TaskLink> : at}
      {tick.missed > 0 && <span class="fine"> {tick.missed} missed before</span>}
      {tick.message && (
        <span class="fine">
          {" "}
          <bdi>{tick.message.slice(0, 200)}</bdi>
        </span>
      )}
    </>
  );
}

function Button({ what, name, word }: { what: "run" | "pause" | "resume"; name: string; word: string }) {
  return (
    <button type="button" class="small" onClick={() => void change(what, name)}>
      {word}
      <span class="visually-hidden"> {name}</span>
    </button>
  );
}

async function change(what: "run" | "pause" | "resume", name: string): Promise<void> {
  const { api } = client.peek();
  const words = { run: "a task was submitted", pause: "paused", resume: "goes on at its next tick" };
  try {
    if (what === "run") await api.runSchedule(name);
    else if (what === "pause") await api.pauseSchedule(name);
    else await api.resumeSchedule(name);
    announce(`${name}: ${words[what]}.`);
    beat();
  } catch (error) {
    announce(`${name}: ${reasonOf(error)}.`);
  }
}
