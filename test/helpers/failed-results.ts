/** A job's failed results as the platform writes them: three rows, of which the first may succeed when it is sent again. */
export const FAILED_RESULTS =
  '"sf__Id","sf__Error",Id,"Name"\n' +
  '"","UNABLE_TO_LOCK_ROW:locked:--","1","a\nb"\n' +
  '"001","REQUIRED_FIELD_MISSING:Required, fields:Name --","2",""\n' +
  '"001","SOMETHING_NEW:x:--","3","c"\n';
