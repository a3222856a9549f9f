import { brokerLog, DatabaseClock, type Logger } from '#platform';
import { startBroker, type Broker } from '#messaging';
import { AuditTrail } from './accounts/audit-trail.js';
import { Credentials } from './accounts/credentials.js';
import { FirstAdministrator } from './accounts/first-administrator.js';
import { PasswordHasher } from './accounts/password-hasher.js';
import { Passwords } from './accounts/passwords.js';
import { Reauthentication } from './accounts/reauthentication.js';
import { AddressRule } from './addresses/address-rule.js';
import { ApiTokens } from './api-tokens/api-tokens.js';
import type { GatewayConfig } from './config.js';
import { CoreClient } from './core/core-client.js';
import { CutOffs } from './cut-off/cut-offs.js';
import { ExportStore } from './exports/export-store.js';
import type { ExportKeys } from './exports/export-keys.js';
import { ImportStore } from './imports/import-store.js';
import { GatewayDatabase } from './database/gateway-database.js';
import { RouteCatalogue } from './openapi/route-catalogue.js';
import { AccountsOfPeople } from './people/accounts-of-people.js';
import { People } from './people/people.js';
import { WatchRelay } from './relay/watch-relay.js';
import { Authentication } from './requests/authentication.js';
import { Authorizations } from './requests/authorizations.js';
import { LiveTokens } from './requests/live-tokens.js';
import { OpenStreams } from './requests/open-streams.js';
import { Refusals } from './requests/refusals.js';
import { RefusedRequests } from './requests/refused-requests.js';
import type { FactorKey } from './second-factors/factor-key.js';
import { SecondFactors } from './second-factors/second-factors.js';
import { SessionsOfPeople } from './sessions/sessions.js';
import { SignInThrottle } from './sessions/sign-in-throttle.js';
import { SignIn } from './sessions/sign-in.js';
import type { WebhookKeys } from './webhooks/webhook-keys.js';
import { WebhookStore } from './webhooks/webhook-store.js';

/** What connects to the world outside. */
function connections(config: GatewayConfig, logger: Logger) {
  const name = `access-gateway-${config.instance}`;
  const { databaseUrl: url, poolSize: maxConnections, answerWithinMs } = config;
  const database = new GatewayDatabase({ url, name, logger, maxConnections, answerWithinMs });
  const broker: Broker = startBroker({ ...config.nats, name, log: brokerLog(logger) });
  return { database, broker, core: new CoreClient(broker) };
}

/** Who may come in. */
function access(
  { database, core }: { readonly database: GatewayDatabase; readonly core: CoreClient },
  logger: Logger,
  key: FactorKey,
) {
  const audit = new AuditTrail(database);
  const authorizations = new Authorizations(database);
  const addressRule = new AddressRule();
  const refusedRequests = new RefusedRequests(database, logger);
  const refusals = new Refusals(audit, logger, refusedRequests);
  const tokens = new LiveTokens(database);
  const authentication = new Authentication(tokens, authorizations, addressRule, audit, refusals, logger);
  const hasher = new PasswordHasher();
  const throttle = new SignInThrottle(database);
  const credentials = new Credentials(database);
  const sessions = new SessionsOfPeople(database, audit);
  const secondFactors = new SecondFactors({ database, key, sessions, audit });
  const signIn = new SignIn({ database, hasher, throttle, addressRule, audit, secondFactors });
  const reauthentication = new Reauthentication({ database, credentials, hasher, throttle, secondFactors, audit });
  const passwords = new Passwords({
    database,
    credentials,
    hasher,
    sessions,
    audit,
    reauthentication,
    authorizations,
    core,
    addressRule,
  });
  return {
    audit,
    refusals,
    refusedRequests,
    authorizations,
    authentication,
    hasher,
    credentials,
    sessions,
    secondFactors,
    signIn,
    reauthentication,
    passwords,
  };
}

/** Builds everything that the gateway is made of, by hand: what depends on what is read here. Starts to look for the broker. */
export function buildParts(
  config: GatewayConfig,
  logger: Logger,
  keys: { readonly factors: FactorKey; readonly exports: ExportKeys; readonly webhooks: WebhookKeys },
) {
  const outside = connections(config, logger);
  const { database, broker, core } = outside;
  const inside = access(outside, logger, keys.factors);
  const { audit, authorizations, hasher, credentials, sessions, secondFactors } = inside;
  const people = new People(database);
  const accountsOfPeople = new AccountsOfPeople({
    database,
    core,
    credentials,
    hasher,
    sessions,
    authorizations,
    audit,
    secondFactors,
  });
  const apiTokens = new ApiTokens(database, audit);
  const clock = new DatabaseClock(database.pool);
  const cutOffs = new CutOffs({ broker, database, authorizations, audit, instance: config.instance, now: clock.now, logger });
  const openStreams = new OpenStreams(database, inside.authentication, logger);
  const relay = new WatchRelay({ broker, database, databaseUrl: config.databaseUrl, logger });
  const { email, password } = config.administrator;
  const administrator = new FirstAdministrator({ email, password, database, core, credentials, hasher, audit, logger });
  const exportStore = new ExportStore({ database, audit, relay, keys: keys.exports, mostRows: config.exportMostRows });
  const importStore = new ImportStore({ database, audit, core, keys: keys.exports, mostLines: config.imports.mostLines });
  const { allowPrivateTargets } = config;
  const webhooks = new WebhookStore({ database, audit, keys: keys.webhooks, allowPrivateTargets });
  const routes = new RouteCatalogue();
  const watching = { clock, cutOffs, openStreams, relay };
  return {
    ...outside,
    ...inside,
    ...watching,
    people,
    accountsOfPeople,
    apiTokens,
    administrator,
    exportStore,
    importStore,
    webhooks,
    routes,
  };
}
export type GatewayParts = ReturnType<typeof buildParts>;
