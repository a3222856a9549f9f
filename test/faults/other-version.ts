import { join } from 'node:path';
import type { System } from '#testing';
import { readStartConfig } from '../../deploy/src/config.js';
import { manageService } from '../../deploy/src/managed.js';
import { freePort } from '../../deploy/src/servers/free-port.js';
import { instanceName, reachable, serviceInstances, type ServiceInstance } from '../../deploy/src/services.js';
import type { Service } from '../../deploy/src/service-names.js';
import { SERVICES } from '../../deploy/src/service-names.js';
import type { Managed } from '../../deploy/src/supervisor.js';
import { eventually } from '../journeys/staff.js';

/** What was built of another version (its `dist`): `OTHER_BUILD`. This one's own unless told. */
const BUILD = process.env['OTHER_BUILD'] ?? join(import.meta.dirname, '..', '..', 'dist');
const READY_WITHIN_MS = 30_000;

/** One more instance of each service, of another build, on the database and broker of a running system. */
export class OtherVersion {
  private constructor(
    readonly gatewayUrl: string,
    readonly ingestUrl: string,
    private readonly instances: ReadonlyMap<Service, { readonly managed: Managed; readonly readyUrl: string }>,
  ) {}

  /** Starts all four and resolves when they are ready. The system has one instance of each; these are the second. */
  static async beside(system: System, env: Readonly<Record<string, string>>): Promise<OtherVersion> {
    const [gateways, ingests] = [await freePort(2), await freePort(2)];
    const config = readStartConfig(
      {
        ...env,
        ...{ PALISADE_DATA_DIR: system.dataDir, PALISADE_GATEWAY_PORT: String(gateways), PALISADE_INGEST_PORT: String(ingests) },
        ...{ PALISADE_CORES: '2', PALISADE_GATEWAYS: '2', PALISADE_MONITORS: '2', PALISADE_INGESTS: '2' },
      },
      system.dataDir,
    );
    const names = (['crm-core', 'activity-monitor'] as const).flatMap((service) => [0, 1].map((n) => instanceName(service, n)));
    const healthPorts = Object.fromEntries(await Promise.all(names.map(async (name) => [name, await freePort()] as const)));
    const context = { config, connections: system.connections, builtFolder: BUILD, healthPorts, ambient: process.env };
    const second = (service: Service): ServiceInstance =>
      serviceInstances(context).find((one) => one.service === service && one.instance === 1) as ServiceInstance;
    const instances = new Map(
      SERVICES.map((service) => {
        const described = second(service);
        return [service, { managed: manageService(described), readyUrl: described.readyUrl }] as const;
      }),
    );
    const url = (port: number): string => `http://${reachable(config.host)}:${port}`;
    const version = new OtherVersion(url(gateways + 1), url(ingests + 1), instances);
    try {
      await Promise.all(SERVICES.map((service) => version.start(service)));
    } catch (error) {
      await version.stop();
      throw new Error(`${error instanceof Error ? error.message : ''}\n${system.logTails()}`, { cause: error });
    }
    return version;
  }

  /** Resolves when it is ready. */
  async start(service: Service): Promise<void> {
    const { managed, readyUrl } = this.#instance(service);
    await managed.start();
    await eventually(
      `${service} of the other version`,
      async () => ((await fetch(readyUrl).catch(() => undefined))?.status === 200 ? true : undefined),
      READY_WITHIN_MS,
    );
  }

  /** SIGTERM, of one service or of all. */
  async stop(...services: readonly Service[]): Promise<void> {
    const named = services.length === 0 ? SERVICES : services;
    await Promise.all(named.map((service) => this.#instance(service).managed.stop()));
  }

  #instance(service: Service): { readonly managed: Managed; readonly readyUrl: string } {
    return this.instances.get(service) as { managed: Managed; readyUrl: string };
  }
}
