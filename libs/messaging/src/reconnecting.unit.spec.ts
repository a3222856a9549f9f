import type { Server } from '@nats-io/transport-node';
import { reconnecting } from './reconnecting.js';

type Choice = { readonly server: Server; readonly delay: number };

describe('looking for a lost broker', () => {
  const server = { hostname: '127.0.0.1', port: 4222 } as Server;
  const choose = (options: ReturnType<typeof reconnecting>): Choice => options.reconnectToServer?.([server], null) as Choice;

  it('tries at once, then after 200 to 400 ms, each connection by itself', () => {
    const [one, other] = [reconnecting(), reconnecting()];
    expect(choose(one)).toEqual({ server, delay: 0 });
    const { delay } = choose(one);
    expect(delay).toBeGreaterThan(150);
    expect(delay).toBeLessThanOrEqual(400);
    expect(choose(other).delay).toBe(0);
  });

  it('is never kept waiting by the time of the last attempt, however far ahead that lies', () => {
    const dayAhead = Date.now() + 86_400_000;
    expect(dayAhead + (reconnecting().reconnectDelayHandler?.() ?? 0)).toBeLessThanOrEqual(Date.now());
    expect(reconnecting().maxReconnectAttempts).toBe(-1);
  });
});
