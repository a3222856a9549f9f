import { createHash } from 'node:crypto';
import { Faker, base, en, ru } from '@faker-js/faker';

/** The same people in every run; only their numbers and addresses are the run's own. */
const SEED = 20_261_123;

/** A contact as it is sent. */
export interface InventedContact {
  readonly name: string;
  readonly phones: readonly { readonly label: string; readonly number: string }[];
  readonly emails: readonly { readonly address: string }[];
  readonly note: string;
}

/** The name of somebody of the company. */
export function employeeName(index: number): string {
  return personName(seeded([SEED, 1, index]));
}

/** Contacts with Russian names and mobile numbers, each number once, spelt in the ways people write them. */
export function inventContacts(count: number, runId: string): InventedContact[] {
  const people = seeded([SEED, 2]);
  const numbers = new MobileNumbers(runId);
  return Array.from({ length: count }, (_, index) => ({
    name: personName(people),
    phones: [{ label: 'мобильный', number: spelt(numbers.next(), index) }],
    emails: index % 2 === 0 ? [{ address: `client${index + 1}.${runId}@pochta.example` }] : [],
    note: `${people.company.name()}, ${people.location.city()}`,
  }));
}

/** What a lead brings: a name, a number and an address of its own. */
export function inventLeads(count: number, runId: string): { name: string; phone: string; email: string; message: string }[] {
  const people = seeded([SEED, 3]);
  const numbers = new MobileNumbers(`${runId}-leads`);
  return Array.from({ length: count }, (_, index) => ({
    name: personName(people),
    phone: spelt(numbers.next(), index),
    email: `lead${index + 1}.${runId}@zayavka.example`,
    message: `Интересует ${people.commerce.productName().toLowerCase()}`,
  }));
}

/** A deal's title and amount in roubles. */
export function inventDeals(count: number): { title: string; amount: { value: string; currency: string } }[] {
  const goods = seeded([SEED, 4]);
  return Array.from({ length: count }, () => ({
    title: `Поставка: ${goods.commerce.productName()}`,
    amount: { value: `${goods.number.int({ min: 5, max: 900 })}000.00`, currency: 'RUB' },
  }));
}

/** The words of the source of leads. */
export const SOURCES = [
  { utm_source: 'yandex', utm_medium: 'cpc', city: 'Казань', adCost: '120.50' },
  { utm_source: 'vk', utm_medium: 'social', city: 'Москва', adCost: '80.00' },
  { utm_source: 'newsletter', utm_medium: 'email', city: 'Самара', adCost: '0.00' },
] as const;

/**
 * A Russian mobile number in one of five usual spellings; `national` is its ten digits. Those that begin with 8 are read in Russia only, see
 * `internationally`.
 */
export function spelt(national: string, index: number): string {
  const [code, first, second, third] = [national.slice(0, 3), national.slice(3, 6), national.slice(6, 8), national.slice(8)];
  const spellings = [
    `+7 (${code}) ${first}-${second}-${third}`,
    `+7${national}`,
    `+7 ${code} ${first} ${second} ${third}`,
    `8 (${code}) ${first}-${second}-${third}`,
    `8${national}`,
  ];
  return spellings[index % spellings.length] as string;
}

/** Spelt with the country code, which every region reads. */
export function internationally(number: string): string {
  return number.startsWith('8') ? `+7${number.slice(1)}` : number;
}

class MobileNumbers {
  readonly #digits: Faker;
  readonly #given = new Set<string>();

  constructor(key: string) {
    this.#digits = seeded([SEED, createHash('sha256').update(key).digest().readUInt32BE()]);
  }

  next(): string {
    for (;;) {
      const national = `9${this.#digits.string.numeric(9)}`;
      if (this.#given.has(national)) continue;
      this.#given.add(national);
      return national;
    }
  }
}

function personName(people: Faker): string {
  const sex = people.person.sexType();
  return `${people.person.lastName(sex)} ${people.person.firstName(sex)}`;
}

function seeded(seed: number[]): Faker {
  const faker = new Faker({ locale: [ru, en, base] });
  faker.seed(seed);
  return faker;
}
