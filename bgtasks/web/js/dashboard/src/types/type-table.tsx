/** Types as a table; with actions where there is room for them. */
import type { ComponentChildren } from "preact";
import { Count } from "../parts/box";
import { Link } from "../parts/link";
import { Since } from "../parts/moments";
import { percentile } from "../overview/numbers";
import type { Percentiles, TypeOptions, TypeRow } from "../state/answers";
import { NO_FILTER } from "../state/filter";
import { shortly } from "../state/time";

export function TypeTable(props: {
  items: readonly TypeRow[];
  isShort?: boolean;
  actions?: (type: TypeRow) => ComponentChildren;
}) {
  const { items, isShort, actions } = props;
  if (!items.length) return <p class="fine">There are no types.</p>;
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Types">
      <table class={isShort ? "short" : undefined}>
        <thead>
          <tr>
            <th>Type</th>
            <th class="num" title="Waiting, scheduled and retrying">Pending</th>
            <th class="num">Running</th>
            <th class="num">Per minute</th>
            <th class="num">Failing</th>
            {!isShort && <Percentiled word="Wait" />}
            {!isShort && <Percentiled word="Run" />}
            {!isShort && <th class="num">Processes</th>}
            {actions && <th>Starts</th>}
          </tr>
        </thead>
        <tbody>
          {items.map((type) => (
            <TypeLine key={type.name} type={type} isShort={isShort} actions={actions} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Percentiled({ word }: { word: string }) {
  return (
    <th class="num wraps">
      {word} <span class="under">p50 · p95 · p99</span>
    </th>
  );
}

function TypeLine(props: {
  type: TypeRow;
  isShort?: boolean;
  actions?: (type: TypeRow) => ComponentChildren;
}) {
  const { type, isShort, actions } = props;
  const limit = type.options?.maxConcurrency;
  return (
    <tr class={type.pausedAt ? "paused" : undefined}>
      <th scope="row" class="wide">
        <Link to={{ page: "tasks", filter: { ...NO_FILTER, types: [type.name] } }}>
          <bdi>{type.name}</bdi>
        </Link>
        {!isShort && (
          <span class="fine under">
            <bdi>{type.options && inWords(type.options)}</bdi>
          </span>
        )}
        {type.registered === false && <span class="fine under">no process has it</span>}
        {type.pausedAt && (
          <span class="fine under">
            paused <Since iso={type.pausedAt} />
            {type.pauseReason && (
              <>
                : <bdi>{type.pauseReason}</bdi>
              </>
            )}
          </span>
        )}
      </th>
      <td class="num">
        <Count value={type.waiting} />
        {type.oldestWaitingSince && (
          <span class="fine under">
            oldest <Since iso={type.oldestWaitingSince} />
          </span>
        )}
      </td>
      <td class="num">
        <Count value={type.running} />
        {limit != null && <span class="fine"> of {String(limit)}</span>}
      </td>
      <td class="num">{rate(type.perMinute)}</td>
      <td class="num">
        <Share type={type} />
      </td>
      {!isShort && <td class="num wraps">{three(type, type.waitMs)}</td>}
      {!isShort && <td class="num wraps">{three(type, type.runMs)}</td>}
      {!isShort && (
        <td class="num">
          <Count value={type.processes} />
        </td>
      )}
      {actions && <td>{actions(type)}</td>}
    </tr>
  );
}

function rate(value: number | null): ComponentChildren {
  if (value === null) return <Count value={null} />;
  return value.toLocaleString("en", value < 100 ? { maximumSignificantDigits: 2 } : { maximumFractionDigits: 0 });
}

function Share({ type: { failureRate, perMinute } }: { type: TypeRow }) {
  if (failureRate === null) return perMinute === null ? <Count value={null} /> : <span title="None has ended">–</span>;
  const word = `${(100 * failureRate).toLocaleString("en", { maximumFractionDigits: 1 })} %`;
  return failureRate > 0 ? <b class="error">{word}</b> : <>{word}</>;
}

function three({ perMinute }: TypeRow, of: Percentiles | null): ComponentChildren {
  if (of)
    return [of.p50, of.p95, of.p99].map((value, index) => (
      <>
        {index > 0 && " · "}
        <span class="whole">{percentile(value)}</span>
      </>
    ));
  return perMinute === null ? <Count value={null} /> : "–";
}

/** The options that are not what they are by default; the limit stands beside what runs. */
function inWords(of: TypeOptions): string {
  const { rate, perKey, retry, timeout, cancellation, rerunInterrupted, unique, version } = of;
  const said = [
    rate && `at most ${rate.starts} starts in ${shortly(rate.per * 1000)}${rate.burst === rate.starts ? "" : `, at once ${rate.burst}`}`,
    perKey != null && `${perKey} at once of a key`,
    retry > 1 && `${retry} attempts`,
    timeout != null && `ends after ${shortly(timeout * 1000)}`,
    cancellation === "cooperative" && "cooperative cancellation",
    !rerunInterrupted && "not run again after an interruption",
    unique && "unique",
    version > 1 && `version ${version}`,
  ];
  return said.filter(Boolean).join("; ");
}
