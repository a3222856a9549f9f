export {
  CELLS,
  LEVELS,
  RECORD_TYPES,
  isActionOf,
  parseGrants,
  widest,
  type ActionOf,
  type Cell,
  type CellKind,
  type FourLevelActionOf,
  type Grants,
  type Level,
  type RecordType,
  type RightsMatrix,
  type Subject,
  type TwoLevelActionOf,
} from './grants.js';
export { Rights, compileRights, exceeds, resolveGrants, type RightsSource, type Role } from './effective-rights.js';
export {
  departmentsAbove,
  departmentsWithin,
  groupOf,
  heldRoleIds,
  type Department,
  type Member,
  type Principal,
} from './principal.js';
export { type OwnedRecord } from './reach.js';
export { allows, decide, mayAssign, mayAtAll, type Decision } from './decision.js';
export { provenance, type Placement } from './provenance.js';
export { filterFor, matches, type RecordFilter } from './record-filter.js';
export { canonicalAddress, formatAddress, parseAddress, type Address } from './addresses/address.js';
export { formatRange, parseRange, type AddressRange } from './addresses/address-range.js';
export { AddressList } from './addresses/address-list.js';
