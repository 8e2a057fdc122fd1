export type Locale = 'zh' | 'en';

/** The first of zh and en in an Accept-Language header; en when it names neither. */
export function localeOf(acceptLanguage: string | undefined): Locale {
  const wanted = (acceptLanguage ?? '')
    .split(',')
    .map((part, position) => {
      const [tag = '', ...parameters] = part.split(';');
      const quality = parameters.map((one) => /^\s*q=(\d(?:\.\d{0,3})?)\s*$/.exec(one)?.[1]).find((one) => one);
      const perMille = quality === undefined ? 1000 : Math.round(Number(quality) * 1000);
      return { language: tag.trim().toLowerCase().split('-')[0], perMille, position };
    })
    .filter(({ language, perMille }) => perMille > 0 && (language === 'zh' || language === 'en'))
    .sort((a, b) => b.perMille - a.perMille || a.position - b.position);
  return wanted[0]?.language === 'zh' ? 'zh' : 'en';
}
