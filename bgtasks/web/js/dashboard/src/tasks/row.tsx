import { STATUSES } from "bgtasks-client/protocol";
import { Badge } from "../parts/badge";
import { TaskLink } from "../parts/link";
import { memo } from "../parts/memo";
import { Duration, Since } from "../parts/moments";
import { sortedBy } from "../state/filter";
import { filter } from "../state/location";
import type { ListedTask } from "../state/task";
import { now, relative } from "../state/time";

interface Props {
  task: ListedTask;
  index: number;
  top: number;
  isActive: boolean;
  isSelected: boolean;
  /** It no longer fits the filter; it stays while the order is held. */
  isStale: boolean;
  onOpen: () => void;
  onPick: (isRange: boolean) => void;
}

export const Row = memo(function Row(props: Props) {
  const { task, index, top, isActive, isSelected, isStale, onOpen, onPick } = props;
  return (
    <div
      role="row"
      id={`row-${task.id}`}
      aria-rowindex={index + 2}
      aria-selected={isSelected}
      class={`row ${isActive ? "active" : ""} ${isStale ? "stale" : ""}`}
      style={{ transform: `translateY(${top}px)` }}
      onClick={(event) => {
        if ((event.target as Element).closest("a, input, label")) return;
        if (event.shiftKey) onPick(true);
        else onOpen();
      }}
      onMouseDown={(event) => {
        if (event.shiftKey) event.preventDefault(); // it would mark text
      }}
    >
      <span role="gridcell" class="pick">
        <label
          onClick={(event) => {
            if (!event.shiftKey) return;
            event.preventDefault();
            onPick(true);
          }}
        >
          <input
            type="checkbox"
            tabIndex={-1}
            aria-label={`Select ${task.name.slice(0, 100)}`}
            checked={isSelected}
            onChange={() => onPick(false)}
          />
        </label>
      </span>
      <span role="gridcell" class="status">
        <Badge
          status={task.status}
          note={task.cancelRequested && task.status === "Running" ? "Cancelling" : undefined}
        />
      </span>
      <span role="gridcell" class="name">
        <TaskLink to={task.id} tabIndex={-1} onOpen={onOpen}>
          <bdi>{task.name.slice(0, 300)}</bdi>
        </TaskLink>
        <span class="fine message">
          {task.name !== task.type && <bdi class="type">{task.type}</bdi>}
          <bdi class={task.status === "Failed" ? "error" : undefined}>{message(task)}</bdi>
        </span>
      </span>
      <span role="gridcell" class="progress">
        <Bar task={task} />
      </span>
      <span role="gridcell" class="owner">
        {task.owner === null ? <span class="none">none</span> : <bdi>{task.owner}</bdi>}
      </span>
      <span role="gridcell" class="created">
        <SortedTime task={task} />
      </span>
      <span role="gridcell" class="took">
        <Duration isShort from={task.startedAt} to={task.completedAt} isOpen={task.status === "Running"} />
      </span>
    </div>
  );
});

/** The time by which the list is in order. */
function SortedTime({ task }: { task: ListedTask }) {
  const by = sortedBy(filter.value.sort);
  const at = by === "started" ? task.startedAt : by === "ended" ? task.completedAt : task.createdAt;
  return at ? <Since iso={at} /> : <span class="none">not yet</span>;
}

function message(task: ListedTask): string {
  if (task.status === "Pending" && task.scheduledAt && Date.parse(task.scheduledAt) > now.value)
    return `${task.attempt ? "next attempt" : "starts"} ${relative(task.scheduledAt, now.value)}`;
  if (task.waitingFor === "turn") return "waits for its turn";
  const text = task.status === "Failed" ? task.errorMessage : task.statusMessage;
  // A message that only repeats a status tells nothing, less so when it is an older one.
  const isStatus = (STATUSES as readonly (string | null)[]).includes(text);
  return text && !isStatus ? text.slice(0, 300) : "";
}

function Bar({ task }: { task: ListedTask }) {
  const percent = Math.floor(task.progress);
  if (task.status === "Pending" && !percent) return null;
  return (
    <>
      <i class={`bar ${task.status}`} aria-hidden="true">
        <i style={{ transform: `scaleX(${task.progress / 100})` }} />
      </i>
      <span class="percent">{percent} %</span>
    </>
  );
}
