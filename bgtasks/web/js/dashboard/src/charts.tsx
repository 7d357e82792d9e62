/** What was waiting, running, done and failed over time. */
import { useMemo } from "preact/hooks";
import { computed } from "@preact/signals";
import { Chart } from "./chart";
import { historyOf } from "./history";
import { baseCoverage } from "./loader";
import { range, setRange, WITHIN, type Within } from "./location";
import * as store from "./store";
import { now, shortTime } from "./time";

const MANY = 5000;

/** The charts move on each second and with each change, for many tasks only every few seconds. */
const beat = computed(() => {
  const isMuch = store.size() > MANY;
  return [Math.floor(now.value / (isMuch ? 3000 : 1000)), isMuch ? 0 : store.membership.value].join();
});

const history = computed(() => {
  beat.value;
  return historyOf(store.all(), WITHIN[range.value][1], Date.now());
});

export function Charts() {
  const { times, pending, running, completed, failed, cancelled } = history.value;
  const span = WITHIN[range.value][0].toLowerCase();
  const levels = useMemo(
    () => [
      { label: "Running", colour: "running", values: running },
      { label: "Pending", colour: "pending", values: pending },
    ],
    [history.value],
  );
  const ends = useMemo(
    () => [
      { label: "Completed", colour: "completed", values: completed },
      { label: "Failed", colour: "failed", values: failed },
      { label: "Cancelled", colour: "cancelled", values: cancelled },
    ],
    [history.value],
  );
  return (
    <section aria-labelledby="charts" class="charts">
      <div class="heading">
        <h2 id="charts">Over time</h2>
        <div role="group" aria-label="Time shown in the charts" class="segments">
          {(Object.keys(WITHIN) as Within[]).map((within) => (
            <button
              key={within}
              type="button"
              aria-pressed={range.value === within}
              title={WITHIN[within][0]}
              onClick={() => setRange(within)}
            >
              {within.replace("m", " min").replace("h", " h").replace("d", " d")}
            </button>
          ))}
        </div>
      </div>
      <div class="pair">
        <Chart
          title="In progress"
          kind="levels"
          times={times}
          series={levels}
          summary={`Tasks in progress, ${span}: now ${running.at(-1)} running and ${pending.at(-1)} pending; at most ${Math.max(...running)} running and ${Math.max(...pending)} pending.`}
        />
        <Chart
          title="Ended"
          kind="bars"
          times={times}
          series={ends}
          summary={`Tasks that ended, ${span}: ${sum(completed)} completed, ${sum(failed)} failed, ${sum(cancelled)} cancelled.`}
        />
      </div>
      <Gap />
    </section>
  );
}

function sum(values: number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function Gap() {
  const { complete, since, loaded } = baseCoverage.value;
  if (complete || !loaded || since <= now.value - WITHIN[range.value][1]) return null;
  return (
    <p class="fine">
      The charts know the tasks submitted since {shortTime(since)}; older ones have not been read.
    </p>
  );
}
