import { useEffect, useState } from "react";

import { ask, price, type OrderLine } from "./server";

export function Orders() {
  const [orders, setOrders] = useState<readonly OrderLine[]>([]);
  useEffect(() => {
    ask<OrderLine[]>("GET", "/orders").then(setOrders, console.error);
  }, []);
  return (
    <section aria-label="Orders">
      <h2>Orders</h2>
      <table>
        <tbody>
          {orders.map((order) => (
            <tr key={order.id}>
              <td>{order.id}</td>
              <td>{order.ordered_on}</td>
              <td>{order.product}</td>
              <td>{price(order.cents)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
