import { fold, type DomainEvent } from '#kernel';
import { compileRights, groupOf, heldRoleIds, type Department, type Principal, type Role } from '#policy';
import { departmentAggregate } from '../../departments/department.aggregate.js';
import type { Aggregate } from '../../log/aggregate.js';
import type { CrmLog } from '../../log/crm-log.js';
import { roleAggregate } from '../../roles/role.aggregate.js';
import { userAggregate } from '../../users/user.aggregate.js';
import type { UserState } from '../../users/domain/user.decider.js';
import type { Account, Company } from '../granting.js';
import type { Standing } from './explanation.js';

export interface PersonThen {
  readonly principal: Principal;
  readonly standing: Standing;
  readonly account: Account;
  readonly company: Company;
  readonly responsibleDepartmentId: string | null;
}

const NOBODY: Account = { isAdmin: false, departmentId: null, roleIds: [] };

/** Rights as they were at a moment, from the log. It reads the streams concerned and no others. */
export class Past {
  constructor(private readonly log: CrmLog) {}

  /** The state of one aggregate at the moment: the last event not later than it and all before it. Undefined: it never was. */
  async stateAt<State, Command, Event extends DomainEvent>(
    aggregate: Aggregate<State, Command, Event>,
    id: string,
    at: string,
  ): Promise<State | undefined> {
    const { events } = await this.log.history(aggregate, id);
    if (events.length === 0) return undefined;
    const end = Date.parse(at);
    const last = events.findLastIndex(({ metadata }) => Date.parse(metadata.at) <= end);
    return fold(
      aggregate,
      events.slice(0, last + 1).map(({ event }) => event),
    );
  }

  /** The person, and what his rights over a record of `responsibleId` hung on. Undefined: he never was. */
  async personAt(userId: string, responsibleId: string | null, at: string): Promise<PersonThen | undefined> {
    const state = await this.stateAt(userAggregate, userId, at);
    if (state === undefined) return undefined;
    const responsible = responsibleId === null ? undefined : await this.stateAt(userAggregate, responsibleId, at);
    const [account, other] = [accountOf(state), accountOf(responsible)];
    const departments = await this.departmentsAt([account.departmentId, other.departmentId], at);
    const member = { ...account, id: userId };
    const roleIds = heldRoleIds(member, departments);
    const roles = await this.rolesAt(roleIds, at);
    const people = responsibleId === null ? [] : [{ id: responsibleId, departmentId: other.departmentId }];
    const rights = compileRights({ isAdmin: account.isAdmin, roles, roleIds });
    const groupUserIds = groupOf(member, people, departments);
    return {
      principal: { userId, isAdmin: account.isAdmin, rights, groupUserIds },
      standing: state.phase,
      account,
      company: { roles, departments },
      responsibleDepartmentId: other.departmentId,
    };
  }

  /** The departments named and all above them. */
  private departmentsAt(ids: readonly (string | null)[], at: string): Promise<readonly Department[]> {
    return withParents(
      ids,
      async (id): Promise<Department | undefined> => {
        const state = await this.stateAt(departmentAggregate, id, at);
        return state?.phase === 'live' ? { id, parentId: state.fields.parentId, roleIds: state.roleIds } : undefined;
      },
      ({ parentId }) => parentId,
    );
  }

  /** The roles named and all that they extend. */
  private rolesAt(ids: readonly string[], at: string): Promise<readonly Role[]> {
    return withParents(
      ids,
      async (id): Promise<Role | undefined> => {
        const state = await this.stateAt(roleAggregate, id, at);
        return state?.phase === 'live' ? { id, ...state.fields } : undefined;
      },
      ({ extendsId }) => extendsId,
    );
  }
}

function accountOf(state: UserState | undefined): Account {
  return state === undefined || state.phase === 'none' ? NOBODY : state.fields;
}

/** Nodes and their parents, each read once; level by level, so that a circle ends. */
async function withParents<Node>(
  ids: readonly (string | null | undefined)[],
  read: (id: string) => Promise<Node | undefined>,
  parentOf: (node: Node) => string | null | undefined,
): Promise<readonly Node[]> {
  const seen = new Set<string>();
  const found: Node[] = [];
  for (let next = ids; next.length > 0;) {
    const fresh = [...new Set(next)].filter((id): id is string => typeof id === 'string' && !seen.has(id));
    for (const id of fresh) seen.add(id);
    const nodes = (await Promise.all(fresh.map(read))).filter((node) => node !== undefined);
    found.push(...nodes);
    next = nodes.map(parentOf);
  }
  return found;
}
