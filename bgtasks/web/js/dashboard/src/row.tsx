import { STATUSES } from "bgtasks-client/protocol";
import { memo } from "./memo";
import { Badge } from "./badge";
import { TaskLink } from "./link";
import { Duration, Since } from "./moments";
import { toggle } from "./selected";
import type { ListedTask } from "./task";
import { now, relative } from "./time";

interface Props {
  task: ListedTask;
  index: number;
  top: number;
  isActive: boolean;
  isSelected: boolean;
  onOpen: () => void;
}

export const Row = memo(function Row({ task, index, top, isActive, isSelected, onOpen }: Props) {
  return (
    <div
      role="row"
      id={`row-${task.id}`}
      aria-rowindex={index + 2}
      aria-selected={isSelected}
      class={`row ${isActive ? "active" : ""}`}
      style={{ transform: `translateY(${top}px)` }}
      onClick={(event) => {
        if (!(event.target as Element).closest("a, input, label")) onOpen();
      }}
    >
      <span role="gridcell" class="pick">
        <label>
          <input
            type="checkbox"
            tabIndex={-1}
            aria-label={`Select ${task.name.slice(0, 100)}`}
            checked={isSelected}
            onChange={() => toggle([task.id])}
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
        <Since iso={task.createdAt} />
      </span>
      <span role="gridcell" class="took">
        <Duration from={task.startedAt} to={task.completedAt} isOpen={task.status === "Running"} />
      </span>
    </div>
  );
});

function message(task: ListedTask): string {
  if (task.status === "Pending" && task.scheduledAt && Date.parse(task.scheduledAt) > now.value)
    return `${task.attempt ? "next attempt" : "starts"} ${relative(task.scheduledAt, now.value)}`;
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
