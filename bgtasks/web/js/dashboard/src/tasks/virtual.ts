/** Which rows of a long list are seen, of rows that are all of one height. */
import { useLayoutEffect, useState } from "preact/hooks";
import type { RefObject } from "preact";

const OVERSCAN = 8;

export interface Window_ {
  first: number;
  end: number; // the first that is not drawn
}

/** The rows to draw; drawn anew as the page scrolls or changes its size. */
export function useWindow(body: RefObject<HTMLElement | null>, count: number, height: number): Window_ {
  const [seen, setSeen] = useState<Window_>({ first: 0, end: 50 });
  useLayoutEffect(() => {
    let frame = 0;
    const look = () => {
      frame = 0;
      const { top } = body.current!.getBoundingClientRect();
      const first = Math.max(0, Math.floor(-top / height) - OVERSCAN);
      const end = Math.ceil((innerHeight - top) / height) + OVERSCAN;
      setSeen((so) => (so.first === first && so.end === end ? so : { first, end }));
    };
    const soon = () => void (frame ||= requestAnimationFrame(look));
    addEventListener("scroll", soon, { passive: true });
    addEventListener("resize", soon);
    // What is above the list may have changed its height.
    const watch = new ResizeObserver(soon);
    watch.observe(document.body);
    look();
    return () => {
      removeEventListener("scroll", soon);
      removeEventListener("resize", soon);
      watch.disconnect();
      cancelAnimationFrame(frame);
    };
  }, [height]);
  const end = Math.min(Math.max(seen.end, 1), count);
  return { first: Math.min(seen.first, Math.max(0, end - 1)), end };
}

/** Have a row be seen, between what sticks to the top and the bottom of the page. */
export function scrollToRow(body: HTMLElement, index: number, height: number): void {
  const top = body.getBoundingClientRect().top + index * height;
  const above = edge("--stuck-top");
  const below = innerHeight - edge("--stuck-bottom");
  if (top < above) scrollBy(0, top - above);
  else if (top + height > below) scrollBy(0, top + height - below);
}

function edge(name: string): number {
  return parseFloat(getComputedStyle(document.documentElement).getPropertyValue(name)) || 0;
}
