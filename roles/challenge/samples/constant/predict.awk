# Never right: every case is above 1 and so takes a step at least.
{ print 0 }
