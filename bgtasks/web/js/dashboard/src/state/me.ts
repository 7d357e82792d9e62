/** Who this user is to the server, and what they may do beside single tasks. */
import { computed, signal } from "@preact/signals";
import type { Me } from "./answers";
import { ask } from "./resource";
import { connection, reasonOf, statusOf } from "./server";
import { setClock } from "./time";

/** `null`: not known, or this server does not say; then its answers decide. */
export const me = signal<Me | null>(null);
/** Why this user may not see anything here; `""`: they may, or it is not known. */
const refusal = signal("");

export const isRefused = computed(() => refusal.value !== "" || connection.value.state === "refused");
export const whyRefused = computed(() => refusal.value || connection.value.message || "not allowed");

export function learn(): void {
  void ask<Me>("/api/me").then(
    (found) => {
      me.value = found;
      refusal.value = "";
      setClock(found.now);
    },
    (error: unknown) => {
      me.value = null;
      refusedBy(error);
    },
  );
}

/** Note whether an answer that everybody gets who is let in at all was refused. */
export function refusedBy(error: unknown | null): void {
  refusal.value = error !== null && [401, 403].includes(statusOf(error)) ? reasonOf(error) : "";
}

/** Whether it is known that this user may not. */
export function mayNot(what: keyof Me["can"]): boolean {
  return me.value?.can[what] === false;
}
