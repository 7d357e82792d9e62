/** Times and durations that move on by themselves. */
import { duration, fullTime, now, relative, shortly, timeOfDay } from "../state/time";

export function Since({ iso }: { iso: string }) {
  return (
    <time dateTime={iso} title={fullTime(iso)}>
      {relative(iso, now.value)}
    </time>
  );
}

/** "02:10", of another day with the day: what is compared with a chart. */
export function At({ iso }: { iso: string }) {
  return (
    <time dateTime={iso} title={`${fullTime(iso)}, ${relative(iso, now.value)}`}>
      {timeOfDay(Date.parse(iso), now.value)}
    </time>
  );
}

export function Moment({ iso }: { iso: string }) {
  return (
    <>
      <time dateTime={iso}>{fullTime(iso)}</time>
      <span class="fine">{relative(iso, now.value)}</span>
    </>
  );
}

/** From one moment to another, or to now. */
export function Duration(props: {
  from: string | null;
  to: string | null;
  isOpen: boolean;
  isShort?: boolean;
}) {
  const { from, to, isOpen } = props;
  if (!from || (!to && !isOpen)) return null;
  const end = to ? Date.parse(to) : now.value;
  const length = Math.max(0, end - Date.parse(from));
  return <>{props.isShort ? shortly(length) : duration(length)}</>;
}
