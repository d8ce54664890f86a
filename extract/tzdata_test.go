package extract

import _ "time/tzdata"
