/** Moves on when something has happened on the server: whoever shows what it answers asks again. */
import { signal } from "@preact/signals";

export const pulse = signal(0);

const REST = 250; // milliseconds in which many changes count as one
let timer: number | undefined;
let beatenAt = Date.now();

export function beat(): void {
  timer ??= window.setTimeout(() => {
    timer = undefined;
    beatenAt = Date.now();
    // What nobody looks at is asked for when it is looked at again.
    if (!document.hidden) pulse.value += 1;
    else isLate = true;
  }, REST);
}

/** Where nothing has happened for so many milliseconds, time alone has changed ages and ranges. */
export function beatIfQuiet(milliseconds: number): void {
  if (Date.now() - beatenAt >= milliseconds) beat();
}

let isLate = false;
document.addEventListener("visibilitychange", () => {
  if (document.hidden || !isLate) return;
  isLate = false;
  pulse.value += 1;
});
