/** Types as a table; with actions where there is room for them. */
import type { ComponentChildren } from "preact";
import { Count } from "../parts/box";
import { Link } from "../parts/link";
import { Since } from "../parts/moments";
import { percentile } from "../overview/numbers";
import type { Percentiles, TypeRow } from "../state/answers";
import { NO_FILTER } from "../state/filter";

export function TypeTable(props: {
  items: readonly TypeRow[];
  isShort?: boolean;
  actions?: (type: TypeRow) => ComponentChildren;
}) {
  const { items, isShort, actions } = props;
  if (!items.length) return <p class="fine">There are no types.</p>;
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Types">
      <table>
        <thead>
          <tr>
            <th>Type</th>
            <th class="num">Waiting</th>
            <th class="num">Running</th>
            <th class="num">Per minute</th>
            <th class="num">Failing</th>
            {!isShort && <th class="num">Wait p50 · p95 · p99</th>}
            {!isShort && <th class="num">Run p50 · p95 · p99</th>}
            {!isShort && <th>Processes</th>}
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

function TypeLine(props: {
  type: TypeRow;
  isShort?: boolean;
  actions?: (type: TypeRow) => ComponentChildren;
}) {
  const { type, isShort, actions } = props;
  const limit = type.options?.maxConcurrency ?? type.maxConcurrency;
  return (
    <tr class={type.pausedAt ? "paused" : undefined}>
      <th scope="row" class="wide">
        <Link to={{ page: "tasks", filter: { ...NO_FILTER, types: [type.name] } }}>
          <bdi>{type.name}</bdi>
        </Link>
        {!isShort && (
          <span class="fine under">
            <bdi>{optionsOf(type)}</bdi>
          </span>
        )}
        {type.registered === false && <span class="fine under">no process has it</span>}
        {type.pausedAt && (
          <span class="fine under">
            paused <Since iso={type.pausedAt} /> <bdi>{type.pauseReason ?? ""}</bdi>
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
      <td class="num">{type.perMinute === undefined ? <Count value={null} /> : rate(type.perMinute)}</td>
      <td class="num">
        {type.failureRate == null ? <Count value={null} /> : <Share value={type.failureRate} />}
      </td>
      {!isShort && <td class="num">{three(type.waitMs)}</td>}
      {!isShort && <td class="num">{three(type.runMs)}</td>}
      {!isShort && (
        <td>
          {Array.isArray(type.processes) ? type.processes.length : <Count value={type.processes as number | null} />}
        </td>
      )}
      {actions && <td>{actions(type)}</td>}
    </tr>
  );
}

function rate(value: number | null): ComponentChildren {
  if (value === null) return <Count value={null} />;
  return value.toLocaleString("en", { maximumFractionDigits: value < 10 ? 1 : 0 });
}

function Share({ value }: { value: number }) {
  const word = `${(100 * value).toLocaleString("en", { maximumFractionDigits: 1 })} %`;
  return value > 0 ? <b class="error">{word}</b> : <>{word}</>;
}

function three(of: Percentiles | null | undefined): ComponentChildren {
  if (!of) return <Count value={null} />;
  return [of.p50, of.p95, of.p99].map(percentile).join(" · ");
}

/** What differs from nothing, in words. */
function optionsOf({ options, rate }: TypeRow): string {
  const all: Record<string, unknown> = { ...(rate ? { rate } : {}), ...options };
  return Object.entries(all)
    .filter(([name, value]) => value !== null && value !== false && name !== "maxConcurrency")
    .map(([name, value]) => `${name} ${typeof value === "object" ? spoken(value!) : String(value)}`)
    .join(", ");
}

function spoken(value: object): string {
  return Object.entries(value)
    .filter(([, one]) => one !== null)
    .map(([name, one]) => `${name} ${typeof one === "object" ? JSON.stringify(one) : String(one)}`)
    .join(" ");
}
