/** How things are: asked for once, then as it is pushed. */
import type { Stats } from "bgtasks-client";
import { pushedStats } from "../state/live";
import { ask, useAnswer, type Answer } from "../state/resource";

export function useStats(): Answer<Stats> {
  const pushed = pushedStats.value;
  const asked = useAnswer(pushed ? null : "stats", () => ask<Stats>("/api/stats"));
  return pushed ?? asked;
}
