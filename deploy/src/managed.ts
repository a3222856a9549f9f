import { startChild, stopChild, type Child } from './servers/child.js';
import type { NatsServer } from './servers/nats-server.js';
import type { PostgresServer } from './servers/postgres-server.js';
import type { ServiceInstance } from './services.js';
import type { Managed } from './supervisor.js';

/** After SIGTERM a service finishes what it has begun. */
const SERVICE_PATIENCE_MS = 10_000;

/** The private PostgreSQL as something to keep running. */
export function managePostgres(server: PostgresServer): Managed {
  return {
    ...{ service: 'postgres', instance: 0, port: server.port },
    start: () => server.start(),
    stop: () => server.stop(),
    // Immediate shutdown: the backends are ended too, and recovery puts things right at the next start.
    kill: () => server.child?.kill('SIGQUIT'),
  };
}

/** The private broker as something to keep running. */
export function manageNats(server: NatsServer): Managed {
  return {
    ...{ service: 'nats', instance: 0, port: server.port },
    start: () => server.start(),
    stop: () => server.stop(),
    kill: () => server.child?.kill('SIGKILL'),
  };
}

/** One instance of a service as something to keep running. */
export function manageService(instance: ServiceInstance): Managed {
  let child: Child | undefined;
  const { service, port, args, env, logFile } = instance;
  return {
    ...{ service, instance: instance.instance },
    ...(port === undefined ? {} : { port }),
    start: async () => {
      child = await startChild({ command: process.execPath, args, env, logFile, channel: true });
      return child;
    },
    stop: async () => {
      if (child !== undefined) await stopChild(child, 'SIGTERM', SERVICE_PATIENCE_MS);
    },
    kill: () => child?.kill('SIGKILL'),
  };
}
