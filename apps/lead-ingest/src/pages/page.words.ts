/** The few words of ingest's own pages, in the two languages of those who fill in forms here. */
const WORDS = {
  en: {
    lang: 'en',
    name: 'Name',
    phone: 'Telephone',
    email: 'E-mail',
    message: 'Message',
    consent: 'I agree to the processing of my personal data',
    trap: 'Leave this field empty',
    send: 'Send',
    thanks: 'Thank you',
    received: 'Your message has been received.',
  },
  ru: {
    lang: 'ru',
    name: 'Имя',
    phone: 'Телефон',
    email: 'Эл. почта',
    message: 'Сообщение',
    consent: 'Я согласен на обработку моих персональных данных',
    trap: 'Оставьте это поле пустым',
    send: 'Отправить',
    thanks: 'Спасибо',
    received: 'Ваше сообщение получено.',
  },
} as const;
export type Words = (typeof WORDS)[keyof typeof WORDS];

/** Russian for who asks for it first, English for everybody else. */
export function wordsFor(acceptLanguage: string | undefined): Words {
  return /^\s*ru\b/i.test(acceptLanguage ?? '') ? WORDS.ru : WORDS.en;
}
