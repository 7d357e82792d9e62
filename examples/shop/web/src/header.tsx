import { useConnection } from "./background";
import type { Me } from "./server";

export function Header({ me, onLogout }: { me: Me; onLogout: () => void }) {
  const { state } = useConnection();
  return (
    <header>
      <h1>Shop</h1>
      <span role="status">{state === "connected" ? "live" : state}</span>
      <span>{me.name}</span>
      <button onClick={onLogout}>Log out</button>
    </header>
  );
}
